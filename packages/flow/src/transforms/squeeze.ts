import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Transform } from "./transform.js";

const unchanged = (y: Tensor) => ({ y, logDet: tf.zeros([y.shape[0] as number]) });

/**
 * Squares of 2x2 pixels become channels, `(B, H, W, C)` to `(B, H / 2, W / 2, 4 C)`. Real NVP (Dinh et al., 2016), §3.6.
 * https://arxiv.org/abs/1605.08803
 */
export function squeeze(): Transform<any> {
  return {
    init: () => ({}),
    encode(_params, x) {
      const [B, H, W, C] = x.shape as [number, number, number, number];
      const blocks = tf.transpose(tf.reshape(x, [B, H / 2, 2, W / 2, 2, C]), [0, 1, 3, 2, 4, 5]);
      return unchanged(tf.reshape(blocks, [B, H / 2, W / 2, 4 * C]));
    },
    decode(_params, z) {
      const [B, H, W, C] = z.shape as [number, number, number, number];
      const blocks = tf.transpose(tf.reshape(z, [B, H, W, 2, 2, C / 4]), [0, 1, 3, 2, 4, 5]);
      return unchanged(tf.reshape(blocks, [B, 2 * H, 2 * W, C / 4]));
    },
  };
}

/** All axes but the batch in one: `(B, ...shape)` to `(B, D)`. */
export function flattened(shape: readonly number[]): Transform<any> {
  return {
    init: () => ({}),
    encode: (_params, x) => unchanged(tf.reshape(x, [x.shape[0] as number, -1])),
    decode: (_params, z) => unchanged(tf.reshape(z, [z.shape[0] as number, ...shape])),
  };
}
