import type { Level } from "../process/level.js";

/*
 * A sampler is a list of network evaluations and what to make of each. Every solver in use moves along
 *
 *   next = linear combination of the present x, what is remembered, the network's idea D of the data, and fresh noise,
 *
 * with coefficients that depend on the noise levels only. So a sampler is a pure function from levels to a table of numbers, and one program,
 * compiled once, runs all of them: there is no cursor to reset and no state but x and two memories.
 */

/** Coefficients of one linear combination; those absent are 0. */
export interface Combination {
  /** Of x where the network saw it. */
  readonly x?: number;
  /** Of the two memories. */
  readonly a?: number;
  readonly b?: number;
  /** Of D, the network's idea of the data. */
  readonly denoised?: number;
  /** Of fresh normal noise. */
  readonly noise?: number;
}

/** One evaluation of the network, and the values after it. */
export interface Evaluation {
  /** Where the network looks. */
  readonly at: Level;
  readonly x: Combination;
  /** What memory a becomes; as it was when absent. */
  readonly a?: Combination;
  readonly b?: Combination;
}

/** What a sampler may depend on besides the levels. */
export interface SamplerOptions {
  /** Share of the noise that DDIM and ancestral steps renew: 0 none, 1 as much as the process of training. */
  readonly eta: number;
  /** The level where `sigma / alpha` is the given number, for stages between two levels. */
  levelAt(ratio: number): Level;
}

/**
 * Plans sampling along the levels.
 *
 * @param levels From the start to the end; the last is where x is left, the network looks at all others. Upwards as well as downwards, if the sampler adds no noise.
 */
export type Sampler = (levels: readonly Level[], options: SamplerOptions) => Evaluation[];

/** A sampler that treats every pair of neighbouring levels alike. */
export function pairwise(step: (from: Level, to: Level, options: SamplerOptions) => readonly Evaluation[]): Sampler {
  return (levels, options) => levels.slice(1).flatMap((to, i) => step(levels[i] as Level, to, options));
}
