import { hostKey, type Key } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Level } from "../src/process/level.js";
import type { Combination, Evaluation } from "../src/samplers/plan.js";

await tf.setBackend("cpu"); // registered by the eager engine

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
