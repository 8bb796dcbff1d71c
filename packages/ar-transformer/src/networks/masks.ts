import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** Large enough to vanish in a softmax, small enough to be added twice. */
const HIDDEN = -1e9;

/** 0 where visible, a large negative number elsewhere. @param visible Of any dtype, nonzero where visible. */
function biasOf(visible: Tensor): Tensor {
  return tf.mul(tf.sub(1, tf.cast(visible, "float32")), HIDDEN);
}

/** The look-ahead mask: position t sees positions up to t. Shape `(1, 1, T, T)`. */
export function lookAheadBias(length: number): Tensor {
  const values = new Float32Array(length * length);
  for (let t = 0; t < length; t++) values.fill(HIDDEN, t * length + t + 1, (t + 1) * length);
  return tf.tensor(values, [1, 1, length, length]);
}

/** Hides padding from every position. @param present Nonzero where a token is, `(B, S)`. @returns Shape `(B, 1, 1, S)`. */
export function paddingBias(present: Tensor): Tensor {
  const [batch, length] = present.shape as [number, number];
  return tf.reshape(biasOf(present), [batch, 1, 1, length]);
}
