import type { TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** Values mapped one by one; `logDet` has the shape of the values, not summed. */
export interface MappedValues {
  readonly y: Tensor;
  readonly logDet: Tensor;
}

/**
 * A monotonic map of single numbers whose parameters a network gives: what coupling and autoregressive transforms share.
 * `theta` holds `size` numbers a value, shape `(..., size F)` for values `(..., F)`, number by number: the first F entries are the first
 * parameter of every value.
 */
export interface Elementwise {
  readonly size: number;
  /** What the map learns itself, besides the network; nothing when absent. @param features F. */
  init?(features: number): Readonly<Record<string, Tensor>> & TensorTree;
  encode(x: Tensor, theta: Tensor, own: Readonly<Record<string, Tensor>>): MappedValues;
  decode(z: Tensor, theta: Tensor, own: Readonly<Record<string, Tensor>>): MappedValues;
}

/** Sum over everything but the batch, `(B, ...)` to `(B,)`. */
export function sumData(x: Tensor): Tensor {
  const B = x.shape[0] as number;
  return tf.sum(tf.reshape(x, [B, x.size / B]), 1);
}

/** `log s` is held below this: two hundred such layers would be needed to overflow float32 from 1e6. */
const LIMIT_RANGE = 2;

/**
 * `y = x exp(s) + t` with `s = f tanh(r / f)`, where `f` is learned for each feature and at most e^2. With network outputs of zero it is the
 * identity. Real NVP (Dinh et al., 2016), §3.2, bounded as in §4.1. https://arxiv.org/abs/1605.08803
 */
export function affine(): Elementwise {
  const scaleAndShift = (theta: Tensor, { logLimit }: Readonly<Record<string, Tensor>>) => {
    const [raw, shift] = tf.split(theta, 2, -1) as [Tensor, Tensor];
    const limit = tf.exp(tf.clipByValue(logLimit as Tensor, -LIMIT_RANGE, LIMIT_RANGE));
    return { s: tf.mul(tf.tanh(tf.div(raw, limit)), limit), t: shift };
  };
  return {
    size: 2,
    init: (features) => ({ logLimit: tf.zeros([features]) }),
    encode(x, theta, own) {
      const { s, t } = scaleAndShift(theta, own);
      return { y: tf.add(tf.mul(x, tf.exp(s)), t), logDet: s };
    },
    decode(z, theta, own) {
      const { s, t } = scaleAndShift(theta, own);
      return { y: tf.mul(tf.sub(z, t), tf.exp(tf.neg(s))), logDet: tf.neg(s) };
    },
  };
}

/** `y = x + t`, which keeps volumes. NICE (Dinh et al., 2014), §3.2. https://arxiv.org/abs/1410.8516 */
export function additive(): Elementwise {
  return {
    size: 1,
    encode: (x, t) => ({ y: tf.add(x, t), logDet: tf.zerosLike(x) }),
    decode: (z, t) => ({ y: tf.sub(z, t), logDet: tf.zerosLike(z) }),
  };
}
