import type { Key } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { addBias, type KernelOptions, type KernelParams, kernelInit } from "./linear.js";

/** One number for height and width, or one each. */
export type Size = number | readonly [height: number, width: number];

/** How a kernel moves over an image `(B, H, W, C)`. */
export interface ConvOptions {
  /** @default 1 */
  readonly stride?: Size;
  /** `same`: output `ceil(size / stride)`; `valid`: no padding, `ceil((size - dilation (k - 1)) / stride)`. @default "same" */
  readonly padding?: "same" | "valid";
  /** Distance of the kernel's elements; above 1 only with stride 1. @default 1 */
  readonly dilation?: Size;
}

const pair = (size: Size): [number, number] => (typeof size === "number" ? [size, size] : [size[0], size[1]]);

/** Parameters of {@link conv2d}: `kernel` of shape `(kH, kW, in, out)`, `bias` of shape `(out,)`. */
export function conv2dInit(
  key: Key,
  inputs: number,
  outputs: number,
  size: Size,
  options: KernelOptions = {},
): KernelParams {
  const [h, w] = pair(size);
  return kernelInit(key, [h, w, inputs, outputs], outputs, { in: h * w * inputs, out: h * w * outputs }, options);
}

/** Convolution (cross-correlation). @param x Shape `(B, H, W, in)`. @returns Shape `(B, H', W', out)`, see {@link ConvOptions}. */
export function conv2d(params: KernelParams, x: tf.Tensor, options: ConvOptions = {}): tf.Tensor {
  const { stride = 1, padding = "same", dilation = 1 } = options;
  const kernel = params.kernel as tf.Tensor4D;
  return addBias(tf.conv2d(x as tf.Tensor4D, kernel, pair(stride), padding, "NHWC", pair(dilation)), params);
}

/** Parameters of {@link convTranspose2d}: `kernel` of shape `(kH, kW, out, in)`, `bias` of shape `(out,)`. */
export function convTranspose2dInit(
  key: Key,
  inputs: number,
  outputs: number,
  size: Size,
  options: KernelOptions = {},
): KernelParams {
  const [h, w] = pair(size);
  return kernelInit(key, [h, w, outputs, inputs], outputs, { in: h * w * inputs, out: h * w * outputs }, options);
}

/** How a transposed convolution moves. */
export interface ConvTransposeOptions extends Omit<ConvOptions, "dilation"> {
  /**
   * Height and width of the output, for sizes that `stride` does not divide: any that {@link conv2d} with the same options maps back.
   * @default same: `size * stride`; valid: `(size - 1) * stride + k`
   */
  readonly outputSize?: Size;
}

/** Gradient of {@link conv2d} with respect to its input, as a layer. @param x Shape `(B, H, W, in)`. @returns Shape `(B, H', W', out)`. */
export function convTranspose2d(params: KernelParams, x: tf.Tensor, options: ConvTransposeOptions = {}): tf.Tensor {
  const { stride = 1, padding = "same" } = options;
  const strides = pair(stride);
  const [batch, height, width] = x.shape as [number, number, number];
  const [kH, kW, outputs] = params.kernel.shape as [number, number, number];
  const grow = (size: number, step: number, k: number) => (padding === "same" ? size * step : (size - 1) * step + k);
  const [h, w] = pair(options.outputSize ?? [grow(height, strides[0], kH), grow(width, strides[1], kW)]);
  const kernel = params.kernel as tf.Tensor4D;
  return addBias(tf.conv2dTranspose(x as tf.Tensor4D, kernel, [batch, h, w, outputs], strides, padding), params);
}

/** Parameters of {@link depthwiseConv2d}: `kernel` of shape `(kH, kW, channels, multiplier)`, `bias` of shape `(channels * multiplier,)`. */
export function depthwiseConv2dInit(
  key: Key,
  channels: number,
  size: Size,
  { multiplier = 1, ...options }: KernelOptions & { readonly multiplier?: number } = {},
): KernelParams {
  const [h, w] = pair(size);
  const fans = { in: h * w, out: h * w * multiplier };
  return kernelInit(key, [h, w, channels, multiplier], channels * multiplier, fans, options);
}

/** A convolution of every channel on its own. @param x Shape `(B, H, W, C)`. @returns Shape `(B, H', W', C * multiplier)`. */
export function depthwiseConv2d(params: KernelParams, x: tf.Tensor, options: ConvOptions = {}): tf.Tensor {
  const { stride = 1, padding = "same", dilation = 1 } = options;
  const kernel = params.kernel as tf.Tensor4D;
  return addBias(tf.depthwiseConv2d(x as tf.Tensor4D, kernel, pair(stride), padding, "NHWC", pair(dilation)), params);
}
