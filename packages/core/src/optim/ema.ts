import * as tf from "@tensorflow/tfjs-core";
import type { TensorTree } from "../tensor-tree.js";
import { mapPair } from "./trees.js";

/** Options of {@link emaUpdate}. */
export interface EmaOptions {
  /** Share of the old average that stays. @default 0.999 */
  readonly decay?: number;
  /** Averages over fewer steps in the beginning. @default true */
  readonly warmup?: boolean;
}

/**
 * `min(decay, (1 + t) / (10 + t))`: the average of the first steps is not dominated by the initial parameters.
 * TensorFlow, `tf.train.ExponentialMovingAverage`, argument `num_updates`. https://www.tensorflow.org/api_docs/python/tf/train/ExponentialMovingAverage
 *
 * @param t Number of updates before this one, int32 scalar. @returns float32 scalar.
 */
export function emaDecay(t: tf.Tensor, { decay = 0.999, warmup = true }: EmaOptions = {}): tf.Tensor {
  if (!warmup) return tf.scalar(decay);
  const n = tf.cast(t, "float32");
  return tf.minimum(tf.div(tf.add(n, 1), tf.add(n, 10)), decay);
}

/**
 * Exponential moving average of parameters, `ema <- ema - (1 - d) (ema - params)` with `d` of {@link emaDecay}. The average begins as a
 * copy of the initial parameters; an average that equals the parameters stays exactly so.
 *
 * @param t Number of updates before this one, int32 scalar.
 */
export function emaUpdate<T extends TensorTree>(ema: T, params: T, t: tf.Tensor, options: EmaOptions = {}): T {
  const share = tf.sub(1, emaDecay(t, options));
  return mapPair(ema, params, (old, param) => tf.sub(old, tf.mul(tf.sub(old, param), share))) as T;
}
