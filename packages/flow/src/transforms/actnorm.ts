import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Transform } from "./transform.js";

/** Added to the first batch's variance, so that a feature that hardly varies is not blown up. */
const EPSILON = 1e-6;

/**
 * `y = (x + offset) exp(logScale)` with one pair a feature (last axis), begun so that the first batch has mean 0 and variance 1.
 * Glow (Kingma & Dhariwal, 2018), §3.1. https://arxiv.org/abs/1807.03039
 */
export function actnorm(): Transform<any> {
  type Params = { readonly offset: Tensor; readonly logScale: Tensor };
  const volume = (x: Tensor, logScale: Tensor) => {
    const B = x.shape[0] as number;
    const places = x.size / B / (x.shape[x.rank - 1] as number);
    return tf.mul(tf.ones([B]), tf.mul(tf.sum(logScale), places));
  };
  return {
    init(_key, x) {
      const axes = x.shape.slice(0, -1).map((_, i) => i);
      const { mean, variance } = tf.moments(x, axes);
      return { offset: tf.neg(mean), logScale: tf.mul(tf.log(tf.add(variance, EPSILON)), -0.5) };
    },
    encode: ({ offset, logScale }: Params, x) => ({
      y: tf.mul(tf.add(x, offset), tf.exp(logScale)),
      logDet: volume(x, logScale),
    }),
    decode: ({ offset, logScale }: Params, z) => ({
      y: tf.sub(tf.mul(z, tf.exp(tf.neg(logScale))), offset),
      logDet: tf.neg(volume(z, logScale)),
    }),
  };
}
