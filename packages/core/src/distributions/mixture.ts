import { stopGradient } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

const LOWEST = -3.4028234663852886e38;

/** `log sum exp x` over an axis, without overflow; minus infinity where every element is. */
export function logSumExp(x: tf.Tensor, axis = -1): tf.Tensor {
  const shift = stopGradient(tf.maximum(tf.max(x, axis, true), LOWEST)); // any shift gives the same value and gradient
  const total = tf.log(tf.sum(tf.exp(tf.sub(x, shift)), axis));
  return tf.add(total, tf.squeeze(shift, [axis < 0 ? x.rank + axis : axis]));
}

/** `log((1 / n) sum exp x)` over an axis of length n: the importance-weighted estimate of a log-likelihood from log-weights. */
export function logMeanExp(x: tf.Tensor, axis = -1): tf.Tensor {
  const n = x.shape[axis < 0 ? x.rank + axis : axis] as number;
  return tf.sub(logSumExp(x, axis), Math.log(n));
}

/**
 * Log-density of a mixture, nats.
 *
 * @param logits Unnormalised log-weights, shape `(..., K)`. @param logProbs Log-densities of the components, shape `(..., K)`. @returns Shape `(...)`.
 */
export function mixtureLogProb(logits: tf.Tensor, logProbs: tf.Tensor): tf.Tensor {
  return logSumExp(tf.add(tf.logSoftmax(logits), logProbs), -1);
}
