import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Architecture } from "../architecture.js";

const BASE = 10000;

/** `sin(p / 10000^(2i/C))` and cosine for every position, `(length, C)`, interleaved (Vaswani et al., 2017, §3.5) or one after the other. */
export function sinusoids(length: number, width: number, interleaved: boolean): Tensor {
  const values = new Float32Array(length * width);
  const half = Math.ceil(width / 2);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * BASE ** ((-2 * i) / width);
      const [sine, cosine] = interleaved ? [2 * i, 2 * i + 1] : [i, half + i];
      values[position * width + sine] = Math.sin(angle);
      if (cosine < width) values[position * width + cosine] = Math.cos(angle);
    }
  }
  return tf.tensor(values, [length, width]);
}

/** Cosines and sines that turn a head's pairs of numbers, each broadcasting to `(B, heads, T, D / 2)`. */
export interface Rotation {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/**
 * Rotations of positions. Su et al., 2021, §3.4.2, with the halves of a head as pairs. https://arxiv.org/abs/2104.09864
 *
 * @param positions int32, `(T,)` or `(B, T)`.
 */
export function rotationOf({ headDim }: Architecture, positions: Tensor): Rotation {
  const half = headDim / 2;
  const frequencies = tf.tensor(Array.from({ length: half }, (_, i) => BASE ** (-i / half)));
  const angles = tf.mul(tf.expandDims(tf.cast(positions, "float32"), -1), frequencies); // (T, D / 2) or (B, T, D / 2)
  const spread = angles.rank === 3 ? tf.expandDims(angles, 1) : angles;
  return { cos: tf.cos(spread), sin: tf.sin(spread) };
}

/** @param x Shape `(B, heads, T, D)`. */
export function rotate(x: Tensor, { cos, sin }: Rotation): Tensor {
  const half = (x.shape[3] as number) / 2;
  const [a, b] = tf.split(x, [half, half], 3) as [Tensor, Tensor];
  return tf.concat([tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(a, sin), tf.mul(b, cos))], 3);
}
