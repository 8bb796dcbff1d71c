/*
 * Multilayer perceptrons: the networks of the first GAN, for any shape of data. Goodfellow et al., 2014, §5. https://arxiv.org/abs/1406.2661
 */
import { fold, nn, sizeOf, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Norm } from "../layers.js";
import { denseLayers, denseLayersInit } from "./dense.js";
import type { Body, Generator, NetworkOptions } from "./network.js";

/** Spread over the inputs' range in the first layer, less in later ones. */
const biasDeviation = (layer: number): number => (layer === 0 ? 1 : 0.3);

export function mlpGenerator(options: NetworkOptions): Generator {
  const { shape, latentDim, hidden: widths, frequencies, generatorNorm, classes } = options;
  const norm: Norm = { kind: generatorNorm, classes };
  const inputs = latentDim * (1 + 2 * frequencies);
  return {
    init(key) {
      const sizes = [inputs, ...widths];
      const { params, state } = denseLayersInit(fold(key, "hidden"), { sizes, norm, biasDeviation });
      const last = widths[widths.length - 1] ?? inputs;
      const output = nn.linearInit(fold(key, "output"), last, sizeOf(shape));
      return { params: { ...(params as Record<string, TensorTree>), output }, state };
    },
    apply(params, state, z, context) {
      const { output } = params as unknown as { output: nn.KernelParams };
      const { h, state: next } = denseLayers(params, state, withWaves(z, frequencies), context);
      const flat = nn.linear(output, h);
      return { x: tf.reshape(flat, [z.shape[0] as number, ...shape]), state: next };
    },
  };
}

/**
 * Data or noise with sines and cosines of every value at wavelengths 4, 2, 1, 1/2, … beside them: a network of few inputs learns coarse structure long
 * before fine one otherwise. Tancik et al., "Fourier features let networks learn high frequency functions", 2020, §6. https://arxiv.org/abs/2006.10739
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
  const inputs = sizeOf(shape) * (1 + 2 * frequencies);
  const reversed = [...widths].reverse();
  const norm: Norm = { kind: discriminatorNorm };
  return {
    features: reversed[reversed.length - 1] ?? inputs,
    init: (key) => denseLayersInit(key, { sizes: [inputs, ...reversed], norm, skipFirst: true, biasDeviation }).params,
    apply(params, x) {
      const flat = tf.reshape(x, [x.shape[0] as number, sizeOf(shape)]);
      return denseLayers(params, {}, withWaves(flat, frequencies), { training: true }).h;
    },
  };
}
