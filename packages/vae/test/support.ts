import { type Batch, type DatumSpec, type GenerativeModel, hostKey, type Key, parseOptions } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { vaeConfig } from "../src/config.js";
import { createVae, type VaeParams, type VaeState } from "../src/model.js";

await tf.setBackend("cpu"); // registered by the eager engine

/** 2-D points. */
export const points: DatumSpec = { kind: "continuous", shape: [2] };

/** An 8-bit image in [0, 1]. */
export const image = (...shape: number[]): DatumSpec => ({ kind: "continuous", shape, range: [0, 1], levels: 256 });

/** A model with options as a user writes them. */
export function model(options: object, datum: DatumSpec): GenerativeModel<VaeParams, VaeState> {
  return createVae(parseOptions("@latentkit/vae", vaeConfig, { ...options }), datum);
}

export const key = (seed: number): Key => tf.tensor1d(hostKey(seed), "int32");

/** Initial parameters; init does not look at the batch. */
export function initial(vae: GenerativeModel<VaeParams, VaeState>, seed = 0): VaeParams {
  return vae.init(key(seed), undefined as unknown as Batch).params;
}

/** The only objective's loss. */
export function loss(vae: GenerativeModel<VaeParams, VaeState>, params: VaeParams, batch: Batch, seed = 1, step = 0) {
  return vae.objectives[0]?.loss(params, {}, batch, {
    key: key(seed),
    step: tf.scalar(step, "int32"),
    progress: tf.scalar(0),
  }) as {
    loss: tf.Tensor;
    metrics: Record<string, tf.Tensor>;
  };
}

export const numbers = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

export const number = (tensor: tf.Tensor): number => tensor.dataSync()[0] as number;

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Standard error of a mean. */
export function standardError(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((v) => (v - centre) ** 2)) / (values.length - 1));
}
