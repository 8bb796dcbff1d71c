/*
 * Multilayer perceptrons: the networks of the first GAN, for any shape of data. Goodfellow et al., 2014, §5. https://arxiv.org/abs/1406.2661
 */
import { fold, type Key, nn, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { applyNorm, leaky, type Norm, type NormContext, normInit } from "../layers.js";
import type { Body, Generator, NetworkOptions } from "./network.js";

type Layers = Readonly<Record<string, TensorTree>>;

/** Hidden layers: linear, norm, leaky relu. @param skipFirst Leave the first layer without norm. */
function hiddenInit(key: Key, sizes: readonly number[], norm: Norm, skipFirst: boolean) {
  const params: Record<string, TensorTree> = {};
  const state: Record<string, TensorTree> = {};
  for (const [i, width] of sizes.slice(1).entries()) {
    const own = skipFirst && i === 0 ? undefined : normInit(norm, width);
    params[`layer${i}`] = nn.linearInit(fold(key, i), sizes[i] as number, width, {
      kernelInit: nn.heNormal,
      biasInit: nn.normalInit(i === 0 ? 1 : 0.3),
      bias: own === undefined,
    });
    if (own === undefined) continue;
    params[`norm${i}`] = own.params;
    state[`norm${i}`] = own.state;
  }
  return { params, state };
}

function hidden(params: Layers, state: Layers, x: Tensor, depth: number, context: NormContext) {
  const next: Record<string, TensorTree> = { ...state };
  let h = x;
  for (let i = 0; i < depth; i++) {
    const linear = nn.linear(params[`layer${i}`] as nn.KernelParams, h);
    const normed = applyNorm(params[`norm${i}`], state[`norm${i}`], linear, context);
    if (normed.state !== undefined) next[`norm${i}`] = normed.state;
    h = leaky(normed.y);
  }
  return { h, state: next };
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export function mlpGenerator({ shape, latentDim, hidden: widths, generatorNorm, classes }: NetworkOptions): Generator {
  const norm: Norm = { kind: generatorNorm, classes };
  return {
    init(key) {
      const { params, state } = hiddenInit(fold(key, "hidden"), [latentDim, ...widths], norm, false);
      const last = widths[widths.length - 1] ?? latentDim;
      return { params: { ...params, output: nn.linearInit(fold(key, "output"), last, product(shape)) }, state };
    },
    apply(params, state, z, context) {
      const layers = params as unknown as Layers;
      const { h, state: next } = hidden(layers, state, z, widths.length, context);
      const flat = nn.linear(layers.output as nn.KernelParams, h);
      return { x: tf.reshape(flat, [z.shape[0] as number, ...shape]), state: next };
    },
  };
}

/**
 * Data with sines and cosines of every value at wavelengths 4, 2, 1, 1/2, … beside them: a network of few inputs learns coarse structure long before
 * fine one otherwise. Tancik et al., "Fourier features let networks learn high frequency functions", 2020, §6. https://arxiv.org/abs/2006.10739
 *
 * @param x Shape `(B, D)`. @returns Shape `(B, D (1 + 2 octaves))`.
 */
export function withWaves(x: Tensor, octaves: number): Tensor {
  const waves = Array.from({ length: octaves }, (_, k) => tf.mul(x, (Math.PI / 2) * 2 ** k));
  return octaves === 0
    ? x
    : tf.concat([x, ...waves.map((wave) => tf.sin(wave)), ...waves.map((wave) => tf.cos(wave))], 1);
}

export function mlpBody({ shape, hidden: widths, frequencies, discriminatorNorm }: NetworkOptions): Body {
  const inputs = product(shape) * (1 + 2 * frequencies);
  const reversed = [...widths].reverse();
  const norm: Norm = { kind: discriminatorNorm };
  return {
    features: reversed[reversed.length - 1] ?? inputs,
    init: (key) => hiddenInit(key, [inputs, ...reversed], norm, true).params,
    apply(params, x) {
      const flat = tf.reshape(x, [x.shape[0] as number, product(shape)]);
      return hidden(params as unknown as Layers, {}, withWaves(flat, frequencies), reversed.length, { training: true })
        .h;
    },
  };
}
