import { type Level, ratioOf } from "../process/level.js";
import { eulerStep } from "./ancestral.js";
import { type Evaluation, pairwise, type Sampler } from "./plan.js";

/**
 * Heun's method on the probability-flow equation in `x / alpha`: two evaluations a step, second order; one where an end is clean or pure noise.
 * Karras et al., 2022, Algorithm 1. https://arxiv.org/abs/2206.00364
 */
export const sampleHeun: Sampler = pairwise(heunStep);

function heunStep(from: Level, to: Level): Evaluation[] {
  const euler = eulerStep(from, to);
  const [s, next] = [ratioOf(from), ratioOf(to)];
  if (next === 0 || !Number.isFinite(s)) return [euler];
  const half = (next - s) / 2;
  return [
    { ...euler, a: { x: (1 + half / s) / from.alpha, denoised: -half / s } }, // x / alpha after half of the step's first slope
    { at: to, x: { a: to.alpha, x: half / next, denoised: (-to.alpha * half) / next } },
  ];
}
