import {
  type DatumSpec,
  eager,
  type GenerativeModel,
  hostKey,
  type Key,
  parseOptions,
  type Scan,
} from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { diffusionConfig } from "../src/config.js";
import { modelOf, wireDiffusion } from "../src/model.js";
import type { Network } from "../src/networks/network.js";
import type { Level, Levels } from "../src/process/level.js";
import type { Combination, Evaluation } from "../src/samplers/plan.js";
import type { DataState } from "../src/scale.js";

eager(); // registers the backend
await tf.setBackend("cpu");

export const key = (seed: number): Key => tf.tensor1d(hostKey(seed), "int32");

export const numbers = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Levels as tensors of one level an example. */
export const tensorLevels = (levels: readonly Level[]) => ({
  alpha: tf.tensor1d(levels.map(({ alpha }) => alpha)),
  sigma: tf.tensor1d(levels.map(({ sigma }) => sigma)),
  time: tf.tensor1d(levels.map(({ time }) => time)),
});

/** The ideal denoiser of some data distribution on the line: the mean of x0 given `x = alpha x0 + sigma eps`, in float64. */
export type Denoiser = (x: number, level: Level) => number;

/** Of a mixture of normals. */
export function mixtureDenoiser(
  components: readonly { readonly weight: number; readonly mean: number; readonly std: number }[],
): Denoiser {
  return (x, { alpha, sigma }) => {
    const parts = components.map(({ weight, mean: mu, std }) => {
      const variance = (alpha * std) ** 2 + sigma ** 2;
      const gap = x - alpha * mu;
      return {
        logP: Math.log(weight) - 0.5 * (Math.log(variance) + gap ** 2 / variance),
        x0: mu + ((alpha * std ** 2) / variance) * gap,
      };
    });
    const highest = Math.max(...parts.map(({ logP }) => logP));
    const masses = parts.map(({ logP }) => Math.exp(logP - highest));
    const total = masses.reduce((a, b) => a + b, 0);
    return parts.reduce((sum, { x0 }, i) => sum + ((masses[i] as number) / total) * x0, 0);
  };
}

export const twoBumps = mixtureDenoiser([
  { weight: 0.3, mean: -1, std: 0.4 },
  { weight: 0.7, mean: 0.8, std: 0.3 },
]);

/** Carries out a sampler's plan on one number in float64. @param noise Fresh noise, by evaluation. */
export function runPlan(
  plan: readonly Evaluation[],
  denoiser: Denoiser,
  start: number,
  noise: (i: number) => number = () => 0,
): number {
  let [x, a, b] = [start, 0, 0];
  plan.forEach((evaluation, i) => {
    const denoised = denoiser(x, evaluation.at);
    const fresh = noise(i);
    const combine = (c: Combination) =>
      (c.x ?? 0) * x + (c.a ?? 0) * a + (c.b ?? 0) * b + (c.denoised ?? 0) * denoised + (c.noise ?? 0) * fresh;
    const next = {
      x: combine(evaluation.x),
      a: combine(evaluation.a ?? { a: 1 }),
      b: combine(evaluation.b ?? { b: 1 }),
    };
    x = next.x;
    a = next.a;
    b = next.b;
  });
  return x;
}

/** Means of the classes of {@link idealModel}, of its data without a class, and their common standard deviation, in scaled units. */
export const CLASS_MEANS = [-0.5, 0.75] as const;
export const CLASS_STD = 0.25;

/** Knows the data by heart: two classes of normals, and all of them as one normal (the null class). Predicts x0. */
function idealNetwork(classes: number | undefined, levelOf: (time: tf.Tensor) => Omit<Levels, "time">): Network {
  return {
    init: () => ({}),
    apply(_params, x, { time, label }) {
      const column = [-1, ...x.shape.slice(1).map(() => 1)];
      const { alpha, sigma } = levelOf(tf.reshape(time, column));
      const known = tf.tensor1d(classes === undefined ? [0.1] : [...CLASS_MEANS, 0.1]);
      const which = (label ?? tf.zeros([x.shape[0] as number], "int32")) as tf.Tensor1D;
      const mu = tf.reshape(tf.gather(known, which), column);
      const variance = tf.add(tf.mul(tf.square(alpha), CLASS_STD ** 2), tf.square(sigma));
      const gain = tf.div(tf.mul(alpha, CLASS_STD ** 2), variance);
      return tf.add(mu, tf.mul(gain, tf.sub(x, tf.mul(alpha, mu))));
    },
  };
}

/** A model of the ideal network, on straight paths or with discrete time-steps; its data are as the networks see them. */
export function idealModel(options: object = {}, shape: readonly number[] = [2]) {
  const config = parseOptions("test", diffusionConfig, { preset: "flow-matching", target: "x0", ...options });
  const datum: DatumSpec = { kind: "continuous", shape, ...(config.conditional ? { classes: 2 } : {}) };
  const parts = wireDiffusion(config, datum);
  const { process, settings } = parts;
  const straight = (time: tf.Tensor) => ({ alpha: tf.sub(1, tf.div(time, 1000)), sigma: tf.div(time, 1000) });
  const levels = process.name === "vp" ? process.levels(settings.timesteps, "trailing").reverse() : [];
  const discrete = (time: tf.Tensor) => {
    const column = (name: "alpha" | "sigma") => tf.tensor1d(levels.map((level) => level[name]));
    const t = tf.cast(time, "int32") as tf.Tensor1D;
    return { alpha: tf.gather(column("alpha"), t), sigma: tf.gather(column("sigma"), t) };
  };
  const network = idealNetwork(parts.classes, process.name === "vp" ? discrete : straight);
  const state: DataState = { mean: tf.zeros([...shape]), std: tf.fill([...shape], 0.5), sigmaData: tf.scalar(0.3) };
  return { model: modelOf({ ...parts, network }), state, params: { network: {} }, levels };
}

interface Asked {
  readonly n: number;
  readonly seed?: number;
  readonly options?: object;
  readonly label?: readonly number[];
  readonly inputs?: Readonly<Record<string, tf.Tensor>>;
}

/** Runs a model's sampling scan without compiling it. */
export function sampleEagerly(
  { model, params, state }: { model: GenerativeModel; params: unknown; state: unknown },
  { n, seed = 0, options = {}, label, inputs }: Asked,
): tf.Tensor {
  const known = { ...options };
  const sampling = model.sampling({ n, options: known, inputs: (inputs ?? {}) as never });
  let carry = sampling.start(params, state, key(seed), {
    n,
    options: known,
    ...(label ? { label: tf.tensor1d([...label], "int32") } : {}),
    ...(inputs ? { inputs } : {}),
  });
  for (let i = 0; i < sampling.steps; i++)
    carry = sampling.step?.(params, state, carry, tf.scalar(i, "int32"), key(1000 * (seed + 1) + i));
  return sampling.finish(params, state, carry);
}

/** Runs a scan from an input without compiling it. */
export function scanEagerly<I>(scan: Scan<I>, params: unknown, state: unknown, input: I, seed = 0): tf.Tensor {
  let carry = scan.start(params, state, input, key(seed));
  for (let i = 0; i < scan.steps; i++) carry = scan.step(params, state, carry, tf.scalar(i, "int32"), key(1000 + i));
  return scan.finish(params, state, carry);
}

export const std = (values: readonly number[]): number => {
  const center = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - center) ** 2)));
};
