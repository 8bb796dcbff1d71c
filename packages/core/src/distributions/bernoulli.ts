import { bernoulli, type Key, sigmoidCrossEntropy } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/*
 * Bernoulli distributions parametrised by logits, element by element, in nats.
 */

/**
 * Log-probability of zeros and ones, nats, element by element: `-(max(l, 0) - l x + log(1 + exp(-|l|)))`. For `x` between 0 and 1 this is a
 * negative cross-entropy and no normalised log-likelihood.
 *
 * @param x In [0, 1]. @param logits `l`, same shape.
 * @throws RangeError when the shapes differ.
 */
export function bernoulliLogProb(x: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  return tf.neg(sigmoidCrossEntropy(logits, x));
}

/** Zeros and ones drawn element by element, float32 of the logits' shape. No gradient flows to the logits. */
export function bernoulliSample(key: Key, logits: tf.Tensor): tf.Tensor {
  return bernoulli(key, tf.sigmoid(logits));
}

/** Entropy, nats, element by element: `softplus(l) - l sigmoid(l)`, between 0 and log 2. */
export function bernoulliEntropy(logits: tf.Tensor): tf.Tensor {
  const size = tf.abs(logits); // symmetric in the sign; no large numbers cancel for positive logits this way
  return tf.add(tf.softplus(tf.neg(size)), tf.mul(size, tf.sigmoid(tf.neg(size))));
}
