import { fold, type Key, scaledDotProductAttention, UserError } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { type KernelOptions, type KernelParams, linear, linearInit } from "./linear.js";

/** Projections of {@link multiHeadAttention}. */
export type AttentionParams = Readonly<Record<"query" | "key" | "value" | "output", KernelParams>>;

/** Sizes of attention that differ from the plain case. */
export interface AttentionInitOptions extends KernelOptions {
  /** Width of what is attended to. @default features */
  readonly contextFeatures?: number;
}

/** Parameters of {@link multiHeadAttention}: four square projections. @param features Width C of input and output. */
export function multiHeadAttentionInit(
  key: Key,
  features: number,
  options: AttentionInitOptions = {},
): AttentionParams {
  const { contextFeatures = features, ...kernels } = options;
  return {
    query: linearInit(fold(key, "query"), features, features, kernels),
    key: linearInit(fold(key, "key"), contextFeatures, features, kernels),
    value: linearInit(fold(key, "value"), contextFeatures, features, kernels),
    output: linearInit(fold(key, "output"), features, features, kernels),
  };
}

/** What {@link multiHeadAttention} looks at. */
export interface AttentionOptions {
  /** Attend to this instead of to `x`: shape `(B, S, contextFeatures)`. */
  readonly context?: tf.Tensor;
  /** Position t sees positions up to t only. @default false */
  readonly causal?: boolean;
  /** Added to the scores, broadcast to `(B, heads, T, S)`: a large negative number hides a position. */
  readonly bias?: tf.Tensor;
}

/** `(B, T, C)` to `(B, heads, T, C / heads)`. */
function splitHeads(x: tf.Tensor, heads: number): tf.Tensor {
  const [batch, length, features] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [batch, length, heads, features / heads]), [0, 2, 1, 3]);
}

/**
 * Multi-head attention. Vaswani et al., 2017, §3.2.2. https://arxiv.org/abs/1706.03762
 *
 * @param x Shape `(B, T, C)`, C divisible by `heads`. @returns Shape `(B, T, C)`.
 * @throws UserError when it is not.
 */
export function multiHeadAttention(
  params: AttentionParams,
  x: tf.Tensor,
  heads: number,
  { context = x, causal = false, bias }: AttentionOptions = {},
): tf.Tensor {
  const [batch, length, features] = x.shape as [number, number, number];
  if (features % heads !== 0) {
    throw new UserError(
      "@latentkit/core",
      `heads must divide the width ${features}, got ${heads}; choose another number`,
    );
  }
  const q = splitHeads(linear(params.query, x), heads);
  const k = splitHeads(linear(params.key, context), heads);
  const v = splitHeads(linear(params.value, context), heads);
  const attended = scaledDotProductAttention(q, k, v, bias === undefined ? { causal } : { causal, bias });
  return linear(params.output, tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [batch, length, features]));
}
