import { type Key, normal } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/*
 * Normal distributions with a diagonal covariance, parametrised by mean `mu` and log-variance `logVar`.
 * All functions work element by element with broadcasting and are in nats: sums over the event are the caller's.
 */

const LOG_2PI = Math.log(2 * Math.PI);

/**
 * Log-density, nats, element by element with broadcasting: `-(log 2 pi + logVar + (x - mu)^2 / exp(logVar)) / 2`. Bound `logVar` first, see
 * {@link clampLogVar}.
 */
export function normalLogProb(x: tf.Tensor, mu: tf.Tensor, logVar: tf.Tensor): tf.Tensor {
  const standardized = tf.mul(tf.sub(x, mu), tf.exp(tf.mul(logVar, -0.5)));
  return tf.mul(tf.add(tf.add(tf.square(standardized), logVar), LOG_2PI), -0.5);
}

/**
 * A draw, shape of `mu` and `logVar` broadcast: `mu + exp(logVar / 2) eps`; gradients flow to both. Kingma & Welling, 2013, §2.4.
 * https://arxiv.org/abs/1312.6114
 */
export function normalSample(key: Key, mu: tf.Tensor, logVar: tf.Tensor): tf.Tensor {
  const shape = tf.backend_util.assertAndGetBroadcastShape(mu.shape, logVar.shape);
  return tf.add(mu, tf.mul(tf.exp(tf.mul(logVar, 0.5)), normal(key, shape)));
}

/** `KL(N(mu, exp(logVar)) || N(0, 1))`, nats, element by element. Kingma & Welling, 2013, appendix B. https://arxiv.org/abs/1312.6114 */
export function normalKlToStandard(mu: tf.Tensor, logVar: tf.Tensor): tf.Tensor {
  return tf.mul(tf.sub(tf.add(tf.square(mu), tf.exp(logVar)), tf.add(logVar, 1)), 0.5);
}

/** `KL(N(mu1, exp(logVar1)) || N(mu2, exp(logVar2)))`, nats, element by element with broadcasting. */
export function normalKl(mu1: tf.Tensor, logVar1: tf.Tensor, mu2: tf.Tensor, logVar2: tf.Tensor): tf.Tensor {
  const logRatio = tf.sub(logVar1, logVar2);
  const distance = tf.square(tf.mul(tf.sub(mu1, mu2), tf.exp(tf.mul(logVar2, -0.5))));
  return tf.mul(tf.sub(tf.add(tf.exp(logRatio), distance), tf.add(logRatio, 1)), 0.5);
}

/** Differential entropy, nats, element by element: `(1 + log 2 pi + logVar) / 2`. */
export function normalEntropy(logVar: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(logVar, 1 + LOG_2PI), 0.5);
}

/** Limits a log-variance that a network puts out, so that no variance overflows or vanishes in float32. No gradient flows beyond the limits. */
export function clampLogVar(logVar: tf.Tensor, low = -30, high = 20): tf.Tensor {
  return tf.clipByValue(logVar, low, high);
}
