import type { Key } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { type Initializer, normalInit } from "./init.js";

/** `embedding` of shape `(n, features)`. */
export type EmbeddingParams = Readonly<Record<"embedding", tf.Tensor>>;

/** Parameters of {@link embedding}. @param n Number of ids. @param init Normal with deviation 0.02 when absent, as in GPT-2. */
export function embeddingInit(
  key: Key,
  n: number,
  features: number,
  init: Initializer = normalInit(0.02),
): EmbeddingParams {
  return { embedding: init(key, [n, features], { in: n, out: features }) };
}

/** One vector an id. @param ids int32, shape `(...)`, in `[0, n)`. @returns Shape `(..., features)`. */
export function embedding(params: EmbeddingParams, ids: tf.Tensor): tf.Tensor {
  return tf.gather(params.embedding, ids as tf.Tensor1D);
}

/** `maxPeriod^(-i / half)` for i below `half`: angular frequencies from 1 down. */
function frequencies(half: number, maxPeriod: number): tf.Tensor {
  const values = Array.from({ length: half }, (_, i) => Math.exp((-Math.log(maxPeriod) * i) / half));
  return tf.tensor(values, [1, half]);
}

/**
 * Sines, then cosines, of positions or times at geometrically spaced frequencies; a last column of zeros when `features` is odd.
 * Vaswani et al., 2017, §3.5 https://arxiv.org/abs/1706.03762; for times Ho et al., 2020, appendix B https://arxiv.org/abs/2006.11239
 *
 * @param t Shape `(B,)`, any dtype. @returns Shape `(B, features)`.
 */
export function sinusoidalEmbedding(t: tf.Tensor, features: number, maxPeriod = 10000): tf.Tensor {
  const half = Math.floor(features / 2);
  const angles = tf.mul(tf.reshape(tf.cast(t, "float32"), [t.size, 1]), frequencies(half, maxPeriod)); // (B, half)
  const waves = tf.concat([tf.sin(angles), tf.cos(angles)], 1);
  return features % 2 === 0
    ? waves
    : tf.pad(waves, [
        [0, 0],
        [0, 1],
      ]);
}

/** {@link sinusoidalEmbedding} of positions 0 … length - 1, shape `(length, features)`. */
export function sinusoidalPositions(length: number, features: number): tf.Tensor {
  return sinusoidalEmbedding(tf.range(0, length), features);
}
