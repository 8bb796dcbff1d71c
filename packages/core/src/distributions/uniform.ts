import { type Key, uniform } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/** Log-density of the uniform distribution on `[low, high]`, nats, element by element: `-log(high - low)` inside, minus infinity outside. */
export function uniformLogProb(x: tf.Tensor, low: number, high: number): tf.Tensor {
  const inside = tf.logicalAnd(tf.greaterEqual(x, low), tf.lessEqual(x, high));
  return tf.where(
    inside,
    tf.fill([...x.shape], -Math.log(high - low)),
    tf.fill([...x.shape], Number.NEGATIVE_INFINITY),
  );
}

/** Uniform numbers in `[low, high)`, float32. */
export function uniformSample(key: Key, shape: readonly number[], low: number, high: number): tf.Tensor {
  return uniform(key, shape, low, high);
}
