import { type Key, uniform } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/*
 * Laplace distributions with mean `mu` and log-scale `logScale` (standard deviation: sqrt 2 scale), element by element, in nats.
 */

/** Log-density of the Laplace distribution, nats, element by element with broadcasting: `-|x - mu| / scale - logScale - log 2`. */
export function laplaceLogProb(x: tf.Tensor, mu: tf.Tensor, logScale: tf.Tensor): tf.Tensor {
  const distance = tf.mul(tf.abs(tf.sub(x, mu)), tf.exp(tf.neg(logScale)));
  return tf.neg(tf.add(tf.add(distance, logScale), Math.LN2));
}

/**
 * A draw of the Laplace distribution, shape of `mu` and `logScale` broadcast: `mu - scale sign(v) log(1 - 2 |v|)` with `v` uniform in (-1/2, 1/2):
 * gradients flow to both parameters.
 */
export function laplaceSample(key: Key, mu: tf.Tensor, logScale: tf.Tensor): tf.Tensor {
  const shape = tf.backend_util.assertAndGetBroadcastShape(mu.shape, logScale.shape);
  const v = tf.sub(tf.maximum(uniform(key, shape), 2 ** -25), 0.5);
  const standard = tf.mul(tf.sign(v), tf.log(tf.sub(1, tf.abs(tf.mul(v, 2)))));
  return tf.sub(mu, tf.mul(tf.exp(logScale), standard));
}
