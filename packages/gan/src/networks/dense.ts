/*
 * Hidden layers: all there is of a multilayer perceptron; between the noise and the smallest image of a convolutional generator, and between the features and
 * the logit of its discriminator, where they see the image as a whole at little cost. So do the networks of InfoGAN: Chen et al., 2016, appendix C.1.
 * https://arxiv.org/abs/1606.03657
 */
import { fold, type Key, nn, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { applyNorm, leaky, type Norm, type NormContext, normInit } from "../layers.js";
import type { NetworkInit } from "./network.js";

type Layers = Readonly<Record<string, TensorTree>>;

/** Where hidden layers differ. */
export interface DenseOptions {
  /** Widths, the input's first. */
  readonly sizes: readonly number[];
  readonly norm: Norm;
  /** Leave the first layer without norm. */
  readonly skipFirst?: boolean;
  /** Deviation of a layer's biases at the start; 0 when absent. Kinks in different places are what a network of few inputs needs. */
  readonly biasDeviation?: (layer: number) => number;
}

/** Parameters and running statistics of `linear, norm, leaky relu` once for every width after the first. */
export function denseLayersInit(key: Key, { sizes, norm, skipFirst, biasDeviation }: DenseOptions): NetworkInit {
  const params: Record<string, TensorTree> = {};
  const state: Record<string, TensorTree> = {};
  for (const [i, width] of sizes.slice(1).entries()) {
    const own = skipFirst && i === 0 ? undefined : normInit(norm, width);
    params[`layer${i}`] = nn.linearInit(fold(key, i), sizes[i] as number, width, {
      kernelInit: nn.heNormal,
      ...(biasDeviation ? { biasInit: nn.normalInit(biasDeviation(i)) } : {}),
      bias: own === undefined,
    });
    if (own === undefined) continue;
    params[`norm${i}`] = own.params;
    state[`norm${i}`] = own.state;
  }
  return { params, state };
}

/** @param x Shape `(B, D)`. @returns Shape `(B, last width)`, `x` itself without layers, and the state of the next step. */
export function denseLayers(
  params: TensorTree,
  state: NetworkInit["state"],
  x: Tensor,
  context: NormContext,
): { h: Tensor; state: NetworkInit["state"] } {
  const layers = params as unknown as Layers;
  const next: Record<string, TensorTree> = { ...state };
  let h = x;
  for (let i = 0; layers[`layer${i}`] !== undefined; i++) {
    const linear = nn.linear(layers[`layer${i}`] as nn.KernelParams, h);
    const normed = applyNorm(layers[`norm${i}`], state[`norm${i}`], linear, context);
    if (normed.state !== undefined) next[`norm${i}`] = normed.state;
    h = leaky(normed.y);
  }
  return { h, state: next };
}
