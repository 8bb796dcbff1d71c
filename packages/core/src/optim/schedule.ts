import { UserError } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/** A number that changes during training: from the step, an int32 scalar counted from 0, to a float32 scalar. */
export type Schedule = (step: tf.Tensor) => tf.Tensor;

/** A number of steps: known, or a scalar of the program, which then serves runs of any length. */
export type StepCount = number | tf.Tensor;

const asFloat = (count: StepCount): tf.Tensor =>
  typeof count === "number" ? tf.scalar(count) : tf.cast(count, "float32");

/** What a program computes with cannot be looked at: whoever runs it checks the number before. */
function requirePositive(schedule: string, option: string, value: StepCount): void {
  if (typeof value !== "number" || (value > 0 && Number.isFinite(value))) return;
  throw new UserError(
    "@latentkit/core",
    `${schedule}: ${option} must be a number above 0, got ${value}; choose e.g. 1000`,
  );
}

/** The same value on every step. */
export function constantSchedule(value: number): Schedule {
  return () => tf.scalar(value);
}

/** From `from` on step 0 straight to `to` on step `steps`, and `to` afterwards. @throws UserError when `steps` is not above 0. */
export function linearSchedule(from: number, to: number, steps: StepCount): Schedule {
  requirePositive("linear", "steps", steps);
  return (step) => {
    const progress = tf.minimum(tf.div(asFloat(step), asFloat(steps)), 1);
    return tf.add(tf.mul(progress, to - from), from);
  };
}

/** Options of {@link cosineSchedule}. */
export interface CosineOptions {
  /** Step on which `final` is reached. */
  readonly steps: StepCount;
  /** Number of steps before the peak. @default 0 */
  readonly warmup?: StepCount;
  /** Value at the end and afterwards. @default 0 */
  readonly final?: number;
}

/**
 * Linear warm-up `peak (t + 1) / (warmup + 1)`, then half a cosine from `peak` on step `warmup` to `final` on step `steps`.
 * Loshchilov & Hutter, 2016, eq. 5, one cycle. https://arxiv.org/abs/1608.03983
 *
 * @throws UserError when `steps` is not above 0 or `warmup` not below it.
 */
export function cosineSchedule(peak: number, { steps, warmup = 0, final = 0 }: CosineOptions): Schedule {
  requirePositive("cosine", "steps", steps);
  if (typeof warmup === "number" && typeof steps === "number" && !(warmup >= 0 && warmup < steps)) {
    throw new UserError(
      "@latentkit/core",
      `cosine: warmup must be from 0 to steps - 1 (${steps - 1}), got ${warmup}; choose less`,
    );
  }
  return (step) => {
    const t = asFloat(step);
    const rising = asFloat(warmup);
    const progress = tf.clipByValue(tf.div(tf.sub(t, rising), tf.sub(asFloat(steps), rising)), 0, 1);
    const decayed = tf.add(tf.mul(tf.add(tf.cos(tf.mul(progress, Math.PI)), 1), (peak - final) / 2), final);
    if (warmup === 0) return decayed;
    return tf.where(tf.less(t, rising), tf.div(tf.mul(tf.add(t, 1), peak), tf.add(rising, 1)), decayed);
  };
}

/** `initial * rate^(t / every)`; with `staircase`, `t / every` is rounded down. @throws UserError when `rate` or `every` is not above 0. */
export function exponentialSchedule(
  initial: number,
  {
    rate,
    every,
    staircase = false,
  }: { readonly rate: number; readonly every: StepCount; readonly staircase?: boolean },
): Schedule {
  requirePositive("exponential", "rate", rate);
  requirePositive("exponential", "every", every);
  return (step) => {
    const periods = tf.div(asFloat(step), asFloat(every));
    return tf.mul(tf.exp(tf.mul(staircase ? tf.floor(periods) : periods, Math.log(rate))), initial);
  };
}

/** `initial`, multiplied by `factor` from each step in `boundaries` on. */
export function stepSchedule(
  initial: number,
  { boundaries, factor = 0.1 }: { readonly boundaries: readonly number[]; readonly factor?: number },
): Schedule {
  return (step) => {
    const t = asFloat(step);
    const at = (boundary: number) => tf.where(tf.greaterEqual(t, boundary), tf.scalar(factor), tf.scalar(1));
    return boundaries.reduce<tf.Tensor>((value, boundary) => tf.mul(value, at(boundary)), tf.scalar(initial));
  };
}

/**
 * `scale dModel^-0.5 min(n^-0.5, n warmup^-1.5)` with `n = t + 1`.
 * Vaswani et al., 2017, §5.3, eq. 3. https://arxiv.org/abs/1706.03762
 *
 * @throws UserError when `dModel` or `warmup` is not above 0.
 */
export function noamSchedule({
  dModel,
  warmup,
  scale = 1,
}: {
  readonly dModel: number;
  readonly warmup: StepCount;
  readonly scale?: number;
}): Schedule {
  requirePositive("noam", "dModel", dModel);
  requirePositive("noam", "warmup", warmup);
  return (step) => {
    const n = tf.add(asFloat(step), 1);
    return tf.mul(tf.minimum(tf.rsqrt(n), tf.mul(n, tf.pow(asFloat(warmup), -1.5))), scale * dModel ** -0.5);
  };
}

/** A learning rate times a schedule: `adam({ learningRate: scaleBySchedule(1e-3, cosineSchedule(1, { steps })) })`. */
export function scaleBySchedule(learningRate: number | Schedule, schedule: Schedule): Schedule {
  return (step) =>
    tf.mul(typeof learningRate === "number" ? tf.scalar(learningRate) : learningRate(step), schedule(step));
}
