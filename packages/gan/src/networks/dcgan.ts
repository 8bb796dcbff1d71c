/*
 * The all-convolutional networks of DCGAN: 4x4 kernels of stride 2, one for each halving of the image.
 * Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional GANs", 2015, §3. https://arxiv.org/abs/1511.06434
 */
import { fold, nn, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { applyNorm, convInit, denseInit, leaky, type Norm, normInit, upConvInit } from "../layers.js";
import { type Body, type Generator, halvings, type NetworkOptions } from "./network.js";

const KERNEL_SIZE = 4; // a multiple of the stride, so that transposed convolutions cover every pixel evenly

type Layers = Readonly<Record<string, TensorTree>>;

/** Noise to the smallest image by a dense layer, then transposed convolutions to the full one. Norm and relu after all but the last. */
export function dcganGenerator({ shape, latentDim, width, generatorNorm, classes }: NetworkOptions): Generator {
  const sizes = halvings(shape).reverse();
  const last = sizes.length - 1;
  const norm: Norm = { kind: generatorNorm, classes };
  const channels = (level: number) => (level === last ? (shape[2] as number) : width * 2 ** (last - level));
  const [top] = sizes as [readonly [number, number]];
  return {
    init(key) {
      const params: Record<string, TensorTree> = {};
      const state: Record<string, TensorTree> = {};
      for (let level = 0; level <= last; level++) {
        const own = level === last ? undefined : normInit(norm, channels(level));
        const layer = fold(key, level);
        const bias = own === undefined;
        params[`layer${level}`] =
          level === 0
            ? denseInit(layer, latentDim, top[0] * top[1] * channels(0), bias)
            : upConvInit(layer, channels(level - 1), channels(level), KERNEL_SIZE, bias);
        if (own === undefined) continue;
        params[`norm${level}`] = own.params;
        state[`norm${level}`] = own.state;
      }
      return { params, state };
    },
    apply(params, state, z, context) {
      const layers = params as unknown as Layers;
      const next: Record<string, TensorTree> = { ...state };
      const activated = (x: Tensor, level: number) => {
        const normed = applyNorm(layers[`norm${level}`], state[`norm${level}`], x, context);
        if (normed.state !== undefined) next[`norm${level}`] = normed.state;
        return tf.relu(normed.y);
      };
      const flat = nn.linear(layers.layer0 as nn.KernelParams, z);
      let x = tf.reshape(flat, [z.shape[0] as number, ...top, channels(0)]);
      for (let level = 1; level <= last; level++) {
        const kernel = layers[`layer${level}`] as nn.KernelParams;
        x = nn.convTranspose2d(kernel, activated(x, level - 1), { stride: 2 });
      }
      return { x, state: next };
    },
  };
}

/** The way back: convolutions with leaky relu, norm after all but the first. */
export function dcganBody({ shape, width, discriminatorNorm }: NetworkOptions): Body {
  const sizes = halvings(shape);
  const depth = sizes.length - 1;
  const channels = (level: number) => (level === 0 ? (shape[2] as number) : width * 2 ** level);
  const [height, breadth] = sizes[depth] as readonly [number, number];
  const norm: Norm = { kind: discriminatorNorm };
  return {
    features: height * breadth * channels(depth),
    init(key) {
      const params: Record<string, TensorTree> = {};
      for (let level = 1; level <= depth; level++) {
        const own = level === 1 ? undefined : normInit(norm, channels(level));
        params[`layer${level}`] = convInit(
          fold(key, level),
          channels(level - 1),
          channels(level),
          KERNEL_SIZE,
          own === undefined,
        );
        if (own !== undefined) params[`norm${level}`] = own.params;
      }
      return params;
    },
    apply(params, image) {
      const layers = params as unknown as Layers;
      let x = image;
      for (let level = 1; level <= depth; level++) {
        const convolved = nn.conv2d(layers[`layer${level}`] as nn.KernelParams, x, { stride: 2 });
        x = leaky(applyNorm(layers[`norm${level}`], undefined, convolved, { training: true }).y);
      }
      return tf.reshape(x, [image.shape[0] as number, -1]);
    },
  };
}
