import { type Key, nn, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** He et al., 2015: keeps the scale of activations through (leaky) relu layers without normalisation. */
const he = { kernelInit: nn.heNormal };

/** Slope of leaky relu below 0. Radford et al., 2015, §3. */
const SLOPE = 0.2;

export const leaky = (x: Tensor): Tensor => tf.leakyRelu(x, SLOPE);

/** Kernels of a dense layer; `bias: false` before a batch norm, which has its own. */
export const denseInit = (key: Key, from: number, to: number, bias = true): nn.KernelParams =>
  nn.linearInit(key, from, to, { ...he, bias });

/** Kernels of a convolution. */
export const convInit = (key: Key, from: number, to: number, size: number, bias = true): nn.KernelParams =>
  nn.conv2dInit(key, from, to, size, { ...he, bias });

/** Kernels of a transposed convolution of stride 2: one in four of the kernel's elements reaches an output. */
export const upConvInit = (key: Key, from: number, to: number, size: number, bias = true): nn.KernelParams =>
  nn.convTranspose2dInit(key, from, to, size, {
    bias,
    kernelInit: (k, shape, fans) => nn.heNormal(k, shape, { ...fans, in: fans.in / 4 }),
  });

/** How a network normalises: nothing, or by the batch, with a scale and an offset for every class when there are classes. */
export interface Norm {
  readonly kind: "none" | "batch";
  readonly classes?: number | undefined;
}

/** Scale and offset, shape `(C,)` or `(classes, C)`; absent without norm. */
export type NormParams = TensorTree;

/** What normalisation needs besides its input. */
export interface NormContext {
  /** Shape `(B,)` int32. */
  readonly label?: Tensor | undefined;
  readonly training: boolean;
}

/** Parameters and running statistics of a norm over `channels`; `undefined` without one. */
export function normInit(
  { kind, classes }: Norm,
  channels: number,
): { params: TensorTree; state: TensorTree } | undefined {
  if (kind === "none") return undefined;
  const { params, state } = nn.batchNormInit(channels);
  if (classes === undefined) return { params, state };
  const table = { scale: tf.ones([classes, channels]), offset: tf.zeros([classes, channels]) };
  return { params: table, state };
}

/**
 * Batch normalisation whose scale and offset depend on the class. De Vries et al., 2017 https://arxiv.org/abs/1707.00683, in GANs Miyato & Koyama, 2018
 *
 * @param state Running statistics; `undefined` when only the batch's own are used, as in a discriminator. @param x Shape `(B, ..., C)`.
 */
export function applyNorm(
  params: NormParams | undefined,
  state: TensorTree | undefined,
  x: Tensor,
  { label, training }: NormContext,
): { y: Tensor; state: TensorTree | undefined } {
  if (params === undefined) return { y: x, state };
  const { scale, offset } = params as unknown as nn.NormParams;
  const affine = { scale: perClass(scale as Tensor, label, x.rank), offset: perClass(offset as Tensor, label, x.rank) };
  const running = state ?? nn.batchNormInit(x.shape[x.rank - 1] as number).state;
  const result = nn.batchNorm(affine, running as unknown as nn.BatchNormState, x, { training });
  return { y: result.y, state: state && result.state };
}

/** Rows of a table `(classes, C)` by label, shaped to broadcast over `(B, ..., C)`; vectors `(C,)` stay. */
function perClass(table: Tensor, label: Tensor | undefined, rank: number): Tensor {
  if (table.rank === 1) return table;
  const [classes, channels] = table.shape as [number, number];
  const rows = tf.matMul(oneHot(label as Tensor, classes), table); // (B, C)
  return tf.reshape(rows, [rows.shape[0] as number, ...Array<number>(rank - 2).fill(1), channels]);
}

/** `(B, classes)` float32. */
export const oneHot = (label: Tensor, classes: number): Tensor =>
  tf.oneHot(label as tf.Tensor1D, classes, 1, 0, "float32");

/** Twice the height and width, every pixel four times. @param x Shape `(B, H, W, C)`. */
export function upsample(x: Tensor): Tensor {
  const [B, H, W, C] = x.shape as [number, number, number, number];
  const wide = tf.tile(tf.reshape(x, [B * H, 1, W, 1, C]), [1, 2, 1, 2, 1]); // (B H, 2, W, 2, C)
  return tf.reshape(wide, [B, 2 * H, 2 * W, C]);
}

/** Half the height and width, the mean of four pixels. @param x Shape `(B, H, W, C)`. */
export const downsample = (x: Tensor): Tensor => tf.avgPool(x as tf.Tensor4D, 2, 2, "valid");
