import { UserError } from "@latentkit/core";

/*
 * Schedules of discrete, variance-preserving processes: alphaBar[t] = alpha^2 = 1 - sigma^2 for t = 0 … T-1, in float64.
 */

/** Names of the {@link alphaBars}. */
export const SCHEDULE_NAMES = ["linear", "scaled-linear", "cosine", "sigmoid"] as const;
export type ScheduleName = (typeof SCHEDULE_NAMES)[number];

/** What a schedule is made from. */
export interface ScheduleOptions {
  readonly schedule: ScheduleName;
  /** Number of time-steps, T. */
  readonly timesteps: number;
  /** First and last variance of a step, for all but cosine. */
  readonly betaStart: number;
  readonly betaEnd: number;
  /** Move the last step to no signal at all. */
  readonly zeroTerminalSnr: boolean;
}

const even = (n: number, from: number, to: number): number[] =>
  Array.from({ length: n }, (_, i) => (n === 1 ? from : from + ((to - from) * i) / (n - 1)));

/** Share of the variance that is left at a share `s` of the way. Nichol & Dhariwal, 2021, eq. 17. https://arxiv.org/abs/2102.09672 */
const cosineBar = (s: number): number => Math.cos(((s + 0.008) / 1.008) * (Math.PI / 2)) ** 2;

/** Variances of the steps, `beta[t]`. */
const betas: Readonly<Record<ScheduleName, (options: ScheduleOptions) => number[]>> = {
  /** Ho et al., 2020, §4. https://arxiv.org/abs/2006.11239 */
  linear: ({ timesteps, betaStart, betaEnd }) => even(timesteps, betaStart, betaEnd),
  /** Linear in the standard deviation. Rombach et al., 2022. https://arxiv.org/abs/2112.10752 */
  "scaled-linear": ({ timesteps, betaStart, betaEnd }) =>
    even(timesteps, Math.sqrt(betaStart), Math.sqrt(betaEnd)).map((root) => root ** 2),
  /** No step removes more than 99.9 % of the variance. */
  cosine: ({ timesteps: T }) =>
    Array.from({ length: T }, (_, t) => Math.min(1 - cosineBar((t + 1) / T) / cosineBar(t / T), 0.999)),
  /** A logistic curve between the ends. Xu et al., "GeoDiff", 2022; diffusers' `sigmoid`. https://arxiv.org/abs/2203.02923 */
  sigmoid: ({ timesteps, betaStart, betaEnd }) =>
    even(timesteps, -6, 6).map((u) => betaStart + (betaEnd - betaStart) / (1 + Math.exp(-u))),
};

/** `alphaBar[t]`, the products of `1 - beta`. @throws UserError when a variance is not between 0 and 1. */
export function alphaBars(options: ScheduleOptions): Float64Array {
  let product = 1;
  const bars = Float64Array.from(betas[options.schedule](options), (beta) => {
    if (!(beta > 0 && beta < 1)) {
      throw new UserError(
        "@latentkit/diffusion",
        `betaStart and betaEnd must be between 0 and 1, got ${options.betaStart} and ${options.betaEnd}; 1e-4 and 0.02 are usual`,
      );
    }
    product *= 1 - beta;
    return product;
  });
  return options.zeroTerminalSnr ? rescaleToZeroTerminalSnr(bars) : bars;
}

/**
 * Shifts and scales `sqrt(alphaBar)` so that the last is 0 and the first stays: the model then sees pure noise in training, as it does when sampling.
 * Lin et al., 2023, Algorithm 1. https://arxiv.org/abs/2305.08891
 */
function rescaleToZeroTerminalSnr(bars: Float64Array): Float64Array {
  const first = Math.sqrt(bars[0] as number);
  const last = Math.sqrt(bars[bars.length - 1] as number);
  return bars.map((bar) => ((Math.sqrt(bar) - last) * (first / (first - last))) ** 2);
}
