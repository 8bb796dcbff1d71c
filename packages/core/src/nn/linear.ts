import { fold, type Key } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { glorotUniform, type Initializer, zeros } from "./init.js";

/*
 * Every layer of this folder is a pair of pure functions: `xInit(key, sizes, options)` gives the parameters, a record of tensors
 * (`kernel`, `bias`, `scale`, `offset`, `embedding`), and `x(params, input, options)` applies them.
 */

/** Parameters of layers with a kernel; `bias` is absent when switched off. */
export interface KernelParams {
  readonly kernel: tf.Tensor;
  readonly bias?: tf.Tensor;
  readonly [name: string]: tf.Tensor;
}

/** How a layer with a kernel begins. */
export interface KernelOptions {
  /** @default glorotUniform */
  readonly kernelInit?: Initializer;
  /** @default zeros */
  readonly biasInit?: Initializer;
  /** Whether there is a bias. @default true */
  readonly bias?: boolean;
}

/** Draws kernel and bias. @param channels Length of the bias. */
export function kernelInit(
  key: Key,
  shape: readonly number[],
  channels: number,
  fans: { readonly in: number; readonly out: number },
  { kernelInit = glorotUniform, biasInit = zeros, bias = true }: KernelOptions,
): KernelParams {
  const kernel = kernelInit(fold(key, "kernel"), shape, fans);
  return bias ? { kernel, bias: biasInit(fold(key, "bias"), [channels], fans) } : { kernel };
}

/** `y` plus the bias, if there is one. */
export function addBias(y: tf.Tensor, { bias }: KernelParams): tf.Tensor {
  return bias === undefined ? y : tf.add(y, bias);
}

/** Parameters of {@link linear}: `kernel` of shape `(in, out)`, `bias` of shape `(out,)`. */
export function linearInit(key: Key, inputs: number, outputs: number, options: KernelOptions = {}): KernelParams {
  return kernelInit(key, [inputs, outputs], outputs, { in: inputs, out: outputs }, options);
}

/** `x kernel + bias`. @param x Shape `(..., in)`. @returns Shape `(..., out)`. */
export function linear(params: KernelParams, x: tf.Tensor): tf.Tensor {
  const [inputs, outputs] = params.kernel.shape as [number, number];
  if (x.rank === 2) return addBias(tf.matMul(x, params.kernel), params);
  const flat = tf.reshape(x, [x.size / inputs, inputs]);
  return tf.reshape(addBias(tf.matMul(flat, params.kernel), params), [...x.shape.slice(0, -1), outputs]);
}

/** Parameters of {@link mlp}: `layer0`, `layer1`, … */
export type MlpParams = Readonly<Record<string, KernelParams>>;

/** Parameters of an MLP. @param sizes Widths from input to output: `[784, 400, 20]` makes two layers. */
export function mlpInit(key: Key, sizes: readonly number[], options: KernelOptions = {}): MlpParams {
  return Object.fromEntries(
    sizes.slice(1).map((size, i) => [`layer${i}`, linearInit(fold(key, i), sizes[i] as number, size, options)]),
  );
}

/** Linear layers with an activation between them, none after the last. @param x Shape `(..., in)`. @returns Shape `(..., out)`. */
export function mlp(params: MlpParams, x: tf.Tensor, activation: (x: tf.Tensor) => tf.Tensor = tf.relu): tf.Tensor {
  const n = Object.keys(params).length;
  let h = x;
  for (let i = 0; i < n; i++) {
    h = linear(params[`layer${i}`] as KernelParams, h);
    if (i < n - 1) h = activation(h);
  }
  return h;
}

/** `x + f(x)`. He et al., 2015, eq. 1. https://arxiv.org/abs/1512.03385 */
export function residual(x: tf.Tensor, f: (x: tf.Tensor) => tf.Tensor): tf.Tensor {
  return tf.add(x, f(x));
}
