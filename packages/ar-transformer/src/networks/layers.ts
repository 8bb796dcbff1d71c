import { fold, gelu, type Key, layerNorm, nn, normal, rmsNorm, silu } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Architecture } from "../architecture.js";

/** A kernel `(in, out)` with its bias `(out,)`, under the names of GPT-2's files; also a norm's scale and offset. */
export interface Affine {
  readonly weight: Tensor;
  readonly bias?: Tensor;
  readonly [name: string]: Tensor | undefined;
}

/** Feed-forward layers: expand, activate, project back. */
export interface MlpParams {
  readonly c_fc: Affine;
  readonly c_proj: Affine;
}

/** `x weight + bias`. @param x Shape `(..., in)`. */
export function affine({ weight, bias }: Affine, x: Tensor): Tensor {
  return nn.linear(bias === undefined ? { kernel: weight } : { kernel: weight, bias }, x);
}

/** Normal kernel, zero bias. */
export function affineInit(key: Key, inputs: number, outputs: number, bias: boolean, std: number): Affine {
  const weight = tf.mul(normal(fold(key, "weight"), [inputs, outputs]), std);
  return bias ? { weight, bias: tf.zeros([outputs]) } : { weight };
}

/** Scale one, offset zero. */
export function normInit({ norm, bias }: Architecture, width: number): Affine {
  const weight = tf.ones([width]);
  return norm === "layer" && bias ? { weight, bias: tf.zeros([width]) } : { weight };
}

/** The architecture's normalisation over the last axis. */
export function normalize({ norm, epsilon }: Architecture, { weight, bias }: Affine, x: Tensor): Tensor {
  if (norm === "rms") return rmsNorm(x, weight, epsilon);
  return layerNorm(x, weight, bias ?? tf.zeros(weight.shape), epsilon);
}

/** Standard deviations of kernels: of those that read the residual stream, and of those that write to it. */
export interface Deviations {
  readonly reading: number;
  readonly writing: number;
}

/** In pre-norm what is added up begins smaller, by the root of the number of sublayers: Radford et al., 2019, §2.3. */
export function deviations({ nLayer, placement, initStd }: Architecture): Deviations {
  return { reading: initStd, writing: placement === "post" ? initStd : initStd / Math.sqrt(2 * nLayer) };
}

export function mlpInit(architecture: Architecture, key: Key): MlpParams {
  const { nEmbd, feedForward, activation, bias, placement } = architecture;
  const { reading, writing } = deviations(architecture);
  const inner = activation === "swiglu" ? 2 * feedForward : feedForward;
  const shrink = placement === "post" ? Math.sqrt(nEmbd / feedForward) : 1;
  return {
    c_fc: affineInit(fold(key, "c_fc"), nEmbd, inner, bias, reading),
    c_proj: affineInit(fold(key, "c_proj"), feedForward, nEmbd, bias, writing * shrink),
  };
}

/** @param x Shape `(B, T, C)`. */
export function mlp({ activation, feedForward }: Architecture, params: MlpParams, x: Tensor): Tensor {
  const inner = affine(params.c_fc, x);
  if (activation !== "swiglu") return affine(params.c_proj, ACTIVATIONS[activation](inner));
  const [gate, up] = tf.split(inner, [feedForward, feedForward], inner.rank - 1) as [Tensor, Tensor];
  return affine(params.c_proj, tf.mul(silu(gate), up));
}

const ACTIVATIONS: Readonly<Record<Exclude<Architecture["activation"], "swiglu">, (x: Tensor) => Tensor>> = {
  gelu,
  relu: (x) => tf.relu(x),
  relu2: (x) => tf.square(tf.relu(x)),
  silu,
};
