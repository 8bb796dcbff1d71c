import { fold, type Key, nn, normal } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Architecture } from "../architecture.js";
import { type Rotation, rotationOf, sinusoids } from "./positions.js";

/** A table of vectors, `(n, C)`. */
export interface Table {
  readonly weight: Tensor;
  readonly [name: string]: Tensor;
}

/** Networks with sinusoids multiply embeddings by the root of the width, so that both have one scale. Vaswani et al., 2017, §3.4 */
const isScaled = ({ positions }: Architecture): boolean => positions.startsWith("sinusoidal");

export function tableInit(architecture: Architecture, key: Key, rows: number): Table {
  const { nEmbd } = architecture;
  return { weight: tf.mul(normal(fold(key, "weight"), [rows, nEmbd]), isScaled(architecture) ? nEmbd ** -0.5 : 0.02) };
}

/** Vectors of tokens with those of their positions, and the rotation of queries and keys, as the architecture has them. */
export interface Embedded {
  readonly x: Tensor;
  readonly rotation: Rotation | undefined;
}

/**
 * @param tokens int32, `(B, T)`. @param positions int32, `(T,)` or `(B, T)`; 0 … T - 1 when absent. @param key Of dropout.
 * @returns `x` of shape `(B, T, C)`.
 */
export function embed(
  architecture: Architecture,
  tables: { readonly wte: Table; readonly wpe?: Table | undefined },
  tokens: Tensor,
  positions: Tensor | undefined,
  key: Key | undefined,
): Embedded {
  const { nEmbd, positions: kind, dropout } = architecture;
  const vectors = tf.gather(tables.wte.weight, tokens as tf.Tensor2D); // (B, T, C)
  const scaled = isScaled(architecture) ? tf.mul(vectors, Math.sqrt(nEmbd)) : vectors;
  const length = tokens.shape[1] as number;
  if (kind === "rope") {
    const places = positions ?? tf.range(0, length, 1, "int32");
    return { x: nn.dropout(key, scaled, dropout), rotation: rotationOf(architecture, places) };
  }
  const table = tables.wpe?.weight ?? sinusoids(architecture.blockSize, nEmbd, kind === "sinusoidal");
  const added =
    positions === undefined ? tf.slice(table, [0, 0], [length, nEmbd]) : tf.gather(table, positions as tf.Tensor1D);
  return { x: nn.dropout(key, tf.add(scaled, added), dropout), rotation: undefined };
}

/** Scores of the predicted tokens, nats up to a constant. @param x Shape `(..., C)`. @returns Shape `(..., V)`. */
export function logitsOf({ outputs }: Architecture, { weight }: Table, x: Tensor): Tensor {
  const [rows, width] = weight.shape as [number, number];
  const table = outputs === rows ? weight : tf.slice(weight, [0, 0], [outputs, width]);
  const flat = tf.matMul(tf.reshape(x, [x.size / width, width]), table, false, true);
  return tf.reshape(flat, [...x.shape.slice(0, -1), outputs]);
}
