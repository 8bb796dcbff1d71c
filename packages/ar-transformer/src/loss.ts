import { softmaxCrossEntropy } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/**
 * Cross-entropy with a share `smoothing` of the target's probability spread evenly over all V tokens:
 * `(1 - s) (-log p(target)) + s mean_v(-log p(v))`, nats. Szegedy et al., 2015, §7. https://arxiv.org/abs/1512.00567
 *
 * @param logits Shape `(N, V)`. @param targets int32, `(N,)`. @returns Shape `(N,)`.
 */
export function smoothedCrossEntropy(logits: Tensor, targets: Tensor, smoothing: number): Tensor {
  const sharp = softmaxCrossEntropy(logits, targets);
  if (smoothing === 0) return sharp;
  const everywhere = tf.sub(tf.logSumExp(logits, -1), tf.mean(logits, -1)); // mean over v of -log p(v)
  return tf.add(tf.mul(sharp, 1 - smoothing), tf.mul(everywhere, smoothing));
}

/**
 * The least that {@link smoothedCrossEntropy} can be: the entropy of the smoothed target, nats.
 *
 * @param size V.
 */
export function smoothingFloor(smoothing: number, size: number): number {
  if (smoothing === 0) return 0;
  const other = smoothing / size;
  const target = 1 - smoothing + other;
  return -target * Math.log(target) - (size - 1) * other * Math.log(other);
}

/** The mean of those values whose weight is 1. @param weights Of the same shape, 0 or 1; all count when absent. @returns Scalar. */
export function weightedMean(values: Tensor, weights: Tensor | undefined): Tensor {
  if (weights === undefined) return tf.mean(values);
  return tf.div(tf.sum(tf.mul(values, weights)), tf.maximum(tf.sum(weights), 1));
}
