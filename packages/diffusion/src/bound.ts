import { type Batch, discretizedLogisticLogProb, fold, type Key, normal, normalLogProb } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { type Diffusion, type DiffusionParams, denoise } from "./denoiser.js";
import { type Level, type Levels, mix, ratioOf } from "./process/level.js";
import type { Process } from "./process/process.js";
import { evenlySpread } from "./process/spread.js";
import type { DataState } from "./scale.js";

/*
 * The variational bound. For noise levels i = 0 (cleanest) … N (noisiest) of a discrete process it is that of ancestral sampling with all time-steps,
 *
 *   -log p(x0) <= KL(q(x_N | x0) || noise) + sum_i 1/2 (SNR_(i-1) - SNR_i) E|| x0 - D(x_i) ||^2 + E[-log p(x0 | x at level 0)],
 *
 * and where time is continuous the sum is the integral of 1/2 SNR E|| x0 - D ||^2 over -log SNR, which infinitely many steps reach.
 * Kingma et al., "Variational diffusion models", 2021, eq. 12-14 and 17 (Ho et al., 2020, eq. 5 in terms of signal-to-noise ratios). https://arxiv.org/abs/2107.00630
 * One term stands for all. Were the data normal with standard deviation `TYPICAL_STD`, terms would be in proportion to `span * share`, and most of what
 * varies between draws would be the length of eps, whose mean is known: so terms are drawn by that, and the length is taken out.
 */

/** Pieces of the integral where time is continuous; more would change nothing in float32. */
const PIECES = 1000;

/** Levels count as spanning log SNR from here only: at the noisiest it may be minus infinity. */
const MIN_LOG_SNR = -20;

/** About that of scaled data; better guesses make the result vary less, no guess makes it wrong. */
const TYPICAL_STD = 0.5;

/** Values that the data can take in [-1, 1], when they are on levels. */
export const levelsOf = ({ datum }: Diffusion): number | undefined => (datum.kind === "binary" ? 2 : datum.levels);

/** What must be known to compare the numbers. */
export function likelihoodNote(diffusion: Diffusion): string {
  const { process, settings } = diffusion;
  const levels = levelsOf(diffusion);
  const of =
    process.name === "vp" ? `bound of ancestral sampling with ${settings.timesteps} steps` : "bound in continuous time";
  return `${of}, ${levels === undefined ? "a density in the units of the data" : `on ${levels} levels`}`;
}

const snrOf = ({ alpha, sigma }: Level): number => (alpha / sigma) ** 2;

/** Share of the variance of x that is signal, for typical data. */
function shareOf({ alpha, sigma }: Level): number {
  const signal = (alpha * TYPICAL_STD) ** 2;
  return signal / (signal + sigma ** 2);
}

/** A term of the sum: where the network looks, what its squared error counts, and how much of log SNR the term spans. */
interface Term {
  readonly at: Level;
  readonly weight: number;
  readonly span: number;
}

/** The sum, and its two ends. */
interface Bound {
  readonly cleanest: Level;
  readonly noisiest: Level;
  readonly terms: readonly Term[];
}

function boundTerms({ process, settings }: Diffusion): Bound {
  const isDiscrete = process.name === "vp";
  const levels = isDiscrete ? process.levels(settings.timesteps, "auto").reverse() : evenlyInLogSnr(process);
  const logSnr = levels.map((level) => Math.max(MIN_LOG_SNR, Math.log(snrOf(level))));
  const terms = levels.slice(1).map((level, i): Term => {
    const before = levels[i] as Level;
    const span = Math.max((logSnr[i] as number) - (logSnr[i + 1] as number), 1e-6);
    if (isDiscrete) return { at: level, weight: (snrOf(before) - snrOf(level)) / 2, span };
    const middle = process.levelAt(Math.sqrt(ratioOf(before) * ratioOf(level)));
    return { at: middle, weight: (snrOf(middle) * span) / 2, span };
  });
  return { cleanest: levels[0] as Level, noisiest: levels[levels.length - 1] as Level, terms };
}

/** Cleanest first. */
function evenlyInLogSnr({ levels, levelAt }: Process): Level[] {
  const [high, low] = levels(2, "karras").map(ratioOf) as [number, number];
  return Array.from({ length: PIECES + 1 }, (_, i) => levelAt(low * (high / low) ** (i / PIECES)));
}

const COLUMNS = ["alpha", "sigma", "time", "weight", "control", "below"] as const;

/** The terms as columns. `weight`: of the squared error, over the chance of being drawn; `control`: of the length of eps; `below`: chances added up. */
function columnsOf(terms: readonly Term[]): (name: (typeof COLUMNS)[number]) => Tensor {
  const sizes = terms.map(({ at, span }) => span * Math.max(shareOf(at), 1e-3)); // every term must have a chance
  const total = sizes.reduce((a, b) => a + b, 0);
  let below = 0;
  const rows = terms.map(({ at, weight }, i) => {
    const chance = (sizes[i] as number) / total;
    below += chance;
    const control = at.alpha === 0 ? 0 : (shareOf(at) * ratioOf(at)) ** 2;
    return { ...at, weight: weight / chance, control, below };
  });
  return (name) => tf.tensor1d(rows.map((row) => row[name]));
}

/** Lower bound on the log-likelihood, nats, `(B,)`, from one draw an example. */
export function boundOf(diffusion: Diffusion) {
  const bound = boundTerms(diffusion);
  const { noisiest } = bound;
  return (params: DiffusionParams, state: DataState, batch: Batch, key: Key): Tensor => {
    const x0 = diffusion.scale.scale(state, batch.x);
    const n = x0.shape[0] as number;
    const { levels: drawn, weight, control } = drawTerm(bound.terms, fold(key, "term"), n);
    const cleanest = asTensors(bound.cleanest, n);
    const both = (a: Tensor, b: Tensor) => tf.concat([a, b], 0);
    const at: Levels = {
      alpha: both(drawn.alpha, cleanest.alpha),
      sigma: both(drawn.sigma, cleanest.sigma),
      time: both(drawn.time, cleanest.time),
    };
    const [eps, last] = ["noise", "last"].map((name) => normal(fold(key, name), x0.shape)) as [Tensor, Tensor];
    const x = mix(at, both(x0, x0), both(eps, last));
    const label =
      diffusion.classes === undefined || batch.label === undefined ? undefined : both(batch.label, batch.label);
    const ideas = denoise(diffusion, params, state.sigmaData, { x, levels: at, label });
    const [denoised, almost] = tf.split(ideas, 2, 0) as [Tensor, Tensor];
    const excess = tf.sub(sumOf(tf.square(eps)), x0.size / n); // 0 on average
    const diffused = tf.mul(weight, tf.sub(sumOf(tf.square(tf.sub(x0, denoised))), tf.mul(control, excess)));
    const prior = tf.mul(sumOf(tf.square(x0)), noisiest.alpha ** 2 / (2 * noisiest.sigma ** 2));
    return tf.sub(reconstruction(diffusion, state, x0, almost, bound.cleanest), tf.add(prior, diffused));
  };
}

/** One term of the sum for each example, shapes `(n,)`. */
function drawTerm(terms: readonly Term[], key: Key, n: number): { levels: Levels; weight: Tensor; control: Tensor } {
  const column = columnsOf(terms);
  const count = terms.length;
  const u = tf.reshape(evenlySpread(key, n), [n, 1]);
  const passed = tf.sum(tf.cast(tf.lessEqual(tf.reshape(column("below"), [1, count]), u), "int32"), 1);
  const i = tf.minimum(passed, tf.scalar(count - 1, "int32")) as tf.Tensor1D;
  const pick = (name: (typeof COLUMNS)[number]) => tf.gather(column(name), i);
  return {
    levels: { alpha: pick("alpha"), sigma: pick("sigma"), time: pick("time") },
    weight: pick("weight"),
    control: pick("control"),
  };
}

const asTensors = ({ alpha, sigma, time }: Level, n: number): Levels => ({
  alpha: tf.fill([n], alpha),
  sigma: tf.fill([n], sigma),
  time: tf.fill([n], time),
});

/** Of each example, `(B,)`. */
const sumOf = (x: Tensor): Tensor => tf.sum(tf.reshape(x, [x.shape[0] as number, -1]), 1);

/**
 * `log p(x0 | x)` at the cleanest level: normal around D with the variance of its noise, or the mass of a level under a logistic distribution as wide,
 * whose tails float32 can hold. Nats in the data's units, `(B,)`.
 */
function reconstruction(
  diffusion: Diffusion,
  state: DataState,
  x0: Tensor,
  denoised: Tensor,
  { alpha, sigma }: Level,
): Tensor {
  const levels = levelsOf(diffusion);
  const std = sigma / alpha;
  if (levels === undefined) {
    const logDensity = sumOf(normalLogProb(x0, denoised, tf.scalar(2 * Math.log(std))));
    return tf.add(logDensity, diffusion.scale.logDet(state));
  }
  const wide = Math.max(std, 1 / (levels - 1)); // half a level: narrower is not better
  const logScale = tf.scalar(Math.log((wide * Math.sqrt(3)) / Math.PI));
  return sumOf(discretizedLogisticLogProb(x0, denoised, logScale, { range: [-1, 1], levels }));
}
