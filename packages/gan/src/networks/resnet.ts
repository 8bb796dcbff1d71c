/*
 * Residual networks in the spirit of R3GAN: no normalisation; residual branches that begin at zero, so that the network begins as its skip path;
 * leaky relu; no second path for style. Plain 3x3 convolutions stand in for its grouped ones, and blocks for the full resolution, which
 * would cost as much as all others, are left out.
 *
 *   Huang, Gokaslan, Kuleshov, Tompkin, "The GAN is dead; long live the GAN! A modern baseline GAN", 2024, §4. https://arxiv.org/abs/2501.05441
 *   Zhang, Dauphin, Ma, "Fixup initialization", 2019, §3: the zero start. https://arxiv.org/abs/1901.09321
 */
import { fold, type Key, nn, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import {
  applyNorm,
  convInit,
  denseInit,
  downsample,
  leaky,
  type Norm,
  type NormContext,
  normInit,
  upsample,
} from "../layers.js";
import { type Body, type Generator, halvings, type NetworkOptions } from "./network.js";

type Layers = Readonly<Record<string, TensorTree>>;

/** `x + conv(leaky(norm(conv(leaky(norm(x))))))`; the second kernel begins at zero. */
function blockInit(key: Key, channels: number, norm: Norm) {
  const [first, second] = [normInit(norm, channels), normInit(norm, channels)];
  const params: Record<string, TensorTree> = {
    conv1: convInit(fold(key, 1), channels, channels, 3),
    conv2: nn.conv2dInit(fold(key, 2), channels, channels, 3, { kernelInit: nn.zeros }),
    ...(first && { norm1: first.params }),
    ...(second && { norm2: second.params }),
  };
  return { params, state: first && second ? { norm1: first.state, norm2: second.state } : undefined };
}

function block(params: Layers, state: Layers | undefined, x: Tensor, context: NormContext) {
  const before = applyNorm(params.norm1, state?.norm1, x, context);
  const inner = nn.conv2d(params.conv1 as nn.KernelParams, leaky(before.y));
  const between = applyNorm(params.norm2, state?.norm2, inner, context);
  const branch = nn.conv2d(params.conv2 as nn.KernelParams, leaky(between.y));
  const next = state && { norm1: before.state as TensorTree, norm2: between.state as TensorTree };
  return { x: tf.add(x, branch), state: next };
}

/** Channels at a level, 0 being the full resolution. */
const channelsOf = (width: number) => (level: number) => width * 2 ** level;

/** Names of the blocks of a level: `block2_0`, … */
const blockNames = (blocks: number) => (level: number) =>
  Array.from({ length: blocks }, (_, i) => `block${level}_${i}`);

/** Noise to the smallest image by a dense layer; at each level blocks, then twice the size and half the channels; 3x3 to the image. */
export function resnetGenerator(options: NetworkOptions): Generator {
  const { shape, latentDim, width, blocks, generatorNorm, classes } = options;
  const sizes = halvings(shape);
  const depth = sizes.length - 1;
  const channels = channelsOf(width);
  const norm: Norm = { kind: generatorNorm, classes };
  const [height, breadth] = sizes[depth] as readonly [number, number];
  const names = blockNames(blocks);
  return {
    init(key) {
      const params: Record<string, TensorTree> = {
        input: denseInit(fold(key, "input"), latentDim, height * breadth * channels(depth)),
        output: nn.conv2dInit(fold(key, "output"), width, shape[2] as number, 3),
      };
      const state: Record<string, TensorTree> = {};
      for (let level = depth; level > 0; level--) {
        for (const name of names(level)) {
          const made = blockInit(fold(key, name), channels(level), norm);
          params[name] = made.params;
          if (made.state !== undefined) state[name] = made.state;
        }
        params[`narrow${level}`] = convInit(fold(key, `narrow${level}`), channels(level), channels(level - 1), 1);
      }
      return { params, state };
    },
    apply(params, state, z, context) {
      const layers = params as unknown as Layers;
      const next: Record<string, TensorTree> = { ...state };
      const flat = nn.linear(layers.input as nn.KernelParams, z);
      let x = tf.reshape(flat, [z.shape[0] as number, height, breadth, channels(depth)]);
      for (let level = depth; level > 0; level--) {
        for (const name of names(level)) {
          const made = block(layers[name] as Layers, state[name] as Layers | undefined, x, context);
          x = made.x;
          if (made.state !== undefined) next[name] = made.state;
        }
        // 1x1 before the upsampling: the same result at a quarter of the cost
        x = upsample(nn.conv2d(layers[`narrow${level}`] as nn.KernelParams, x));
      }
      return { x: nn.conv2d(layers.output as nn.KernelParams, leaky(x)), state: next };
    },
  };
}

/** The way back: 3x3 from the image, then at each level half the size, twice the channels, and blocks. */
export function resnetBody({ shape, width, blocks, discriminatorNorm }: NetworkOptions): Body {
  const sizes = halvings(shape);
  const depth = sizes.length - 1;
  const channels = channelsOf(width);
  const norm: Norm = { kind: discriminatorNorm };
  const [height, breadth] = sizes[depth] as readonly [number, number];
  const names = blockNames(blocks);
  return {
    features: height * breadth * channels(depth),
    init(key) {
      const params: Record<string, TensorTree> = {
        input: convInit(fold(key, "input"), shape[2] as number, width, 3),
      };
      for (let level = 1; level <= depth; level++) {
        params[`widen${level}`] = convInit(fold(key, `widen${level}`), channels(level - 1), channels(level), 1);
        for (const name of names(level)) params[name] = blockInit(fold(key, name), channels(level), norm).params;
      }
      return params;
    },
    apply(params, image) {
      const layers = params as unknown as Layers;
      let x = nn.conv2d(layers.input as nn.KernelParams, image);
      for (let level = 1; level <= depth; level++) {
        x = nn.conv2d(layers[`widen${level}`] as nn.KernelParams, downsample(leaky(x)));
        for (const name of names(level)) x = block(layers[name] as Layers, undefined, x, { training: true }).x;
      }
      return tf.reshape(leaky(x), [image.shape[0] as number, -1]);
    },
  };
}
