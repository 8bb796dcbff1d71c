import {
  type Batch,
  type DatumSpec,
  eager,
  type GenerativeModel,
  hostKey,
  type Key,
  parseOptions,
} from "@latentkit/core";
import { compile, type Engine, type HostTensor } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { type GanOptions, ganConfig } from "../src/config.js";
import { createGan } from "../src/model.js";
import type { GanParams, GanState } from "../src/players.js";

eager(); // registers tfjs's cpu backend
await tf.setBackend("cpu");

/** 2-D points. */
export const points: DatumSpec = { kind: "continuous", shape: [2] };

/** An 8-bit image in [0, 1]. */
export const image = (...shape: number[]): DatumSpec => ({ kind: "continuous", shape, range: [0, 1], levels: 256 });

/** A model with options as a user writes them. */
export function model(
  options: GanOptions | Record<string, unknown>,
  datum: DatumSpec,
): GenerativeModel<GanParams, GanState> {
  return createGan(parseOptions("@latentkit/gan", ganConfig, { ...options }), datum);
}

export const key = (seed: number): Key => tf.tensor1d(hostKey(seed), "int32");

/** Numbers in [-1, 1) that differ, in the order of a fixed sequence. */
export function spread(shape: number[], seed = 1): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => 2 * (((i + 1) * 0.6180339887 + seed * 0.3247) % 1) - 1),
    shape,
  );
}

/** First parameters and state of a model. */
export const initial = (gan: GenerativeModel<GanParams, GanState>, batch: Batch, seed = 0) =>
  gan.init(key(seed), batch);

export const numbers = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

export const number = (tensor: tf.Tensor): number => tensor.dataSync()[0] as number;

/** Runs a function of tensors on host values as a program of an engine. */
export const evaluateOn =
  (engine: Engine) =>
  async (f: (inputs: tf.Tensor[]) => tf.Tensor[], inputs: readonly HostTensor[]): Promise<readonly HostTensor[]> => {
    const given = Object.fromEntries(inputs.map((value, i) => [`x${i}`, value]));
    const specs = Object.fromEntries(inputs.map(({ shape, dtype }, i) => [`x${i}`, { shape, dtype }]));
    const body = (_state: unknown, args: Record<string, tf.Tensor>) => ({
      outputs: f(inputs.map((_, i) => args[`x${i}`] as tf.Tensor)),
    });
    const store = engine.createStore();
    const program = await compile(engine, body, { state: {}, inputs: specs }, store);
    const results = (await program.run(given)) as HostTensor[];
    await program.dispose();
    await store.dispose();
    return results;
  };
