import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Transform } from "./transform.js";

const unchanged = (y: Tensor) => ({ y, logDet: tf.zeros([y.shape[0] as number]) });

/**
 * Squares of `size` x `size` pixels become tokens, row by row: `(B, H, W, C)` to `(B, T, size^2 C)`. A vector `(B, D)` becomes D tokens of one
 * number each. Dosovitskiy et al., 2020, §3.1. https://arxiv.org/abs/2010.11929
 */
export function patches(shape: readonly number[], size: number): Transform<any> {
  const [H, W, C] = shape as [number, number, number];
  if (shape.length !== 3) {
    return {
      init: () => ({}),
      encode: (_params, x) => unchanged(tf.reshape(x, [x.shape[0] as number, -1, 1])),
      decode: (_params, z) => unchanged(tf.reshape(z, [z.shape[0] as number, ...shape])),
    };
  }
  const [rows, columns] = [H / size, W / size];
  return {
    init: () => ({}),
    encode(_params, x) {
      const B = x.shape[0] as number;
      const cut = tf.transpose(tf.reshape(x, [B, rows, size, columns, size, C]), [0, 1, 3, 2, 4, 5]);
      return unchanged(tf.reshape(cut, [B, rows * columns, size * size * C]));
    },
    decode(_params, z) {
      const B = z.shape[0] as number;
      const cut = tf.transpose(tf.reshape(z, [B, rows, columns, size, size, C]), [0, 1, 3, 2, 4, 5]);
      return unchanged(tf.reshape(cut, [B, H, W, C]));
    },
  };
}
