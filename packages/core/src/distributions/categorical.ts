import { categorical, type Key, softmaxCrossEntropy } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/*
 * Categorical distributions over K classes, parametrised by unnormalised logits of shape `(..., K)`, in nats.
 */

/**
 * Log-probability of classes, nats.
 *
 * @param labels int32, shape `(...)`, in `[0, K)`. @param logits Shape `(..., K)`. @returns Shape `(...)`.
 */
export function categoricalLogProb(labels: tf.Tensor, logits: tf.Tensor): tf.Tensor {
  return tf.neg(softmaxCrossEntropy(logits, labels));
}

/** Classes, int32 of shape `(...)`. No gradient flows to the logits. */
export function categoricalSample(key: Key, logits: tf.Tensor): tf.Tensor {
  return categorical(key, logits);
}

/** Entropy of logits `(..., K)`, nats: `-sum p log p`, shape `(...)`, between 0 and log K. Logits must be finite. */
export function categoricalEntropy(logits: tf.Tensor): tf.Tensor {
  const logP = tf.logSoftmax(logits);
  return tf.neg(tf.sum(tf.mul(tf.exp(logP), logP), -1));
}

/** `KL(p || q)` of two categorical distributions with logits `(..., K)`, nats, shape `(...)`. Logits must be finite. */
export function categoricalKl(logitsP: tf.Tensor, logitsQ: tf.Tensor): tf.Tensor {
  const logP = tf.logSoftmax(logitsP);
  return tf.sum(tf.mul(tf.exp(logP), tf.sub(logP, tf.logSoftmax(logitsQ))), -1);
}
