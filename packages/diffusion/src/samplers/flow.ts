import { flowTime, ratioAtTime } from "../process/flow.js";
import type { Level } from "../process/level.js";
import { type Combination, type Evaluation, pairwise, type Sampler } from "./plan.js";

/*
 * Every process can be seen as a straight one: z = x / (alpha + sigma) = t x0 + (1 - t) eps with t = alpha / (alpha + sigma), and the
 * velocity dz/dt = D - eps. These solvers integrate it from noise (t = 0) to data (t = 1), or back.
 * Lipman et al., 2022, §4.1. https://arxiv.org/abs/2210.02747
 */

/** `alpha + sigma`: x in units of z. */
const scaleOf = ({ alpha, sigma }: Level): number => alpha + sigma;

/** `factor` times the velocity at a level, in z: `D - eps`, where `eps = (x - alpha D) / sigma`. */
function velocity(at: Level, factor: number): { x: number; denoised: number } {
  return { x: -factor / at.sigma, denoised: (factor * scaleOf(at)) / at.sigma };
}

/** Adds a multiple of the velocity at a level to other terms. */
function along(at: Level, factor: number, rest: Combination): Combination {
  const { x, denoised } = velocity(at, factor);
  return { ...rest, x: (rest.x ?? 0) + x, denoised: (rest.denoised ?? 0) + denoised };
}

/** Terms in z as terms in x at a level. */
function scaled(terms: Combination, by: number): Combination {
  return Object.fromEntries(Object.entries(terms).map(([name, value]) => [name, value * by]));
}

/** Euler's method: first order, one evaluation a step. On a straight process it is DDIM. */
export const sampleFlowEuler: Sampler = pairwise((from, to) => {
  const z = { x: 1 / scaleOf(from) };
  return [{ at: from, x: scaled(along(from, flowTime(to) - flowTime(from), z), scaleOf(to)) }];
});

/** The midpoint method: second order, two evaluations a step. */
export const sampleFlowMidpoint: Sampler = pairwise((from, to, { levelAt }) => {
  const [t, end] = [flowTime(from), flowTime(to)];
  const step = end - t;
  const middle = levelAt(ratioAtTime(t + step / 2));
  const z = { x: 1 / scaleOf(from) };
  return [
    { at: from, x: scaled(along(from, step / 2, z), scaleOf(middle)), a: z },
    { at: middle, x: scaled(along(middle, step, { a: 1 }), scaleOf(to)) },
  ];
});

/** The latest time at which a velocity can be read from an idea of the data: nearer to 1, float32 has no digits left for it. */
const LAST_TIME = 0.999;

/** The classical Runge-Kutta method: fourth order, four evaluations a step. */
export const sampleFlowRk4: Sampler = pairwise((from, to, { levelAt }): Evaluation[] => {
  const [t, end] = [flowTime(from), flowTime(to)];
  const step = end - t;
  const middle = levelAt(ratioAtTime(t + step / 2));
  const last = end > LAST_TIME ? levelAt(ratioAtTime(Math.max(LAST_TIME, t + step / 2))) : to;
  const z = { x: 1 / scaleOf(from) };
  const reach = flowTime(last) - t;
  return [
    { at: from, x: scaled(along(from, step / 2, z), scaleOf(middle)), a: z, b: along(from, step / 6, z) },
    {
      at: middle,
      x: scaled(along(middle, step / 2, { a: 1 }), scaleOf(middle)),
      b: along(middle, step / 3, { b: 1 }),
    },
    { at: middle, x: scaled(along(middle, reach, { a: 1 }), scaleOf(last)), b: along(middle, step / 3, { b: 1 }) },
    { at: last, x: scaled(along(last, step / 6, { b: 1 }), scaleOf(to)) },
  ];
});
