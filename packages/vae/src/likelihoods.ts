import {
  bernoulli,
  bernoulliLogProb,
  bernoulliSample,
  type DatumSpec,
  discretizedLogisticLogProb,
  discretizedLogisticSample,
  type Key,
  normalLogProb,
  normalSample,
  type TensorTree,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** How gray values become binary. */
export type Binarization = "dynamic" | "threshold" | "none";

/** Width of a likelihood: learned, one number or one a data dimension, or fixed in the data's units. */
export type ScaleOption = "shared" | "pixel" | number;

/** What a likelihood learns besides the decoder: `{ logScale }`, or nothing. */
export type LikelihoodParams = Readonly<Record<string, Tensor>> & TensorTree;

/** `p(x|z)` as a function of the decoder's output, which has the data's shape `(N, ...datum.shape)`. */
export interface Likelihood {
  readonly name: "bernoulli" | "gaussian" | "discretized-logistic";
  /** What its nats are of, for whoever compares them. */
  readonly note: string;
  /** Absent when nothing is learned. */
  readonly init?: () => LikelihoodParams;
  /** The data that are modelled: the batch itself, or its binarised values 0 and 1. Without a key the choice that is best without chance. */
  observe(x: Tensor, key?: Key): Tensor;
  /** What the encoder reads of observed data: bounded data in [-1, 1], binary data as they are, unbounded data as they are. */
  features(x: Tensor): Tensor;
  /** @param x Observed data, shape of `output`. @returns `log p(x|z)` in nats, summed over the data dimensions, shape `(N,)`. */
  logProb(params: LikelihoodParams, output: Tensor, x: Tensor): Tensor;
  /** Mean of `p(x|z)` in the data's own units, and inside their range; shape of `output`. */
  mean(output: Tensor): Tensor;
  /** A draw of `p(x|z)` in the data's own units, and inside their range. */
  sample(params: LikelihoodParams, output: Tensor, key: Key): Tensor;
}

/** log-scales stay within e^±12 of the data's half range: beyond, float32 squares overflow or vanish. */
const LOG_SCALE_LIMIT = 12;

/**
 * Bernoulli variables with the decoder's output as logits; gray values are first made binary.
 * Kingma & Welling, 2013, appendix C.1 https://arxiv.org/abs/1312.6114; dynamic binarisation after Salakhutdinov & Murray, 2008,
 * and Burda et al., 2015 https://arxiv.org/abs/1509.00519
 */
export function bernoulliLikelihood(datum: DatumSpec, binarize: Binarization): Likelihood {
  const { low, width } = interval(datum);
  const toUnit = (x: Tensor) => (low === 0 && width === 1 ? x : tf.div(tf.sub(x, low), width));
  const fromUnit = (x: Tensor) => (low === 0 && width === 1 ? x : tf.add(tf.mul(x, width), low));
  return {
    name: "bernoulli",
    note: {
      dynamic: "of dynamically binarised data (every pixel drawn anew, its gray value the probability)",
      threshold: "of data binarised at the middle of their range",
      none: "of binary data",
    }[binarize],
    observe(x, key) {
      if (binarize === "none") return x;
      if (binarize === "threshold") return tf.cast(tf.greaterEqual(toUnit(x), 0.5), "float32");
      return key === undefined ? toUnit(x) : bernoulli(key, toUnit(x));
    },
    features: (x) => x,
    logProb: (_, output, x) => sumData(bernoulliLogProb(x, output)),
    mean: (output) => fromUnit(tf.sigmoid(output)),
    sample: (_, output, key) => fromUnit(bernoulliSample(key, output)),
  };
}

/**
 * Independent Gaussians around the decoder's output, their standard deviation learned or fixed. A density in the data's own units.
 * Kingma & Welling, 2013, appendix C.2 https://arxiv.org/abs/1312.6114
 */
export function gaussianLikelihood(datum: DatumSpec, scale: ScaleOption): Likelihood {
  const units = dataUnits(datum);
  const logSigma = logScaleOf(scale, units.half);
  const logVar = (params: LikelihoodParams) => tf.mul(logSigma(params), 2);
  return {
    name: "gaussian",
    note: "log-density of the data in the units the model sees",
    ...learnedWidth(datum, scale, 0),
    observe: (x) => x,
    features: units.features,
    logProb: (params, output, x) => sumData(normalLogProb(x, units.locate(output), logVar(params))),
    mean: (output) => units.clip(units.locate(output)),
    sample: (params, output, key) => units.clip(normalSample(key, units.locate(output), logVar(params))),
  };
}

/**
 * Probability of a level as the mass that a logistic distribution puts on its interval; the outer levels take the tails.
 * Salimans et al., 2017, §2.1 https://arxiv.org/abs/1701.05517
 */
export function discretizedLogisticLikelihood(datum: DatumSpec, scale: ScaleOption): Likelihood {
  const { low, high } = interval(datum);
  const levels = datum.levels as number;
  const units = dataUnits(datum);
  const logScale = logScaleOf(scale, units.half);
  const grid = { range: [low, high], levels } as const;
  return {
    name: "discretized-logistic",
    note: `log-probability of data with ${levels} levels`,
    ...learnedWidth(datum, scale, -2), // a logistic this wide spans about half the range
    observe: (x) => x,
    features: units.features,
    logProb: (params, output, x) =>
      sumData(discretizedLogisticLogProb(x, units.locate(output), logScale(params), grid)),
    mean: (output) => units.clip(units.locate(output)),
    sample: (params, output, key) =>
      units.clip(discretizedLogisticSample(key, units.locate(output), logScale(params), grid)),
  };
}

/** Sum over all axes but the first, shape `(N,)`. */
function sumData(x: Tensor): Tensor {
  return tf.sum(tf.reshape(x, [x.shape[0] as number, -1]), 1);
}

function interval({ kind, range }: DatumSpec): { low: number; high: number; width: number } {
  const [low, high] = kind === "binary" ? [0, 1] : (range as readonly [number, number]);
  return { low, high, width: high - low };
}

/** Networks work on [-1, 1] when the data are bounded, and on the data as they are when not. */
function dataUnits(datum: DatumSpec): {
  half: number;
  features(x: Tensor): Tensor;
  locate(output: Tensor): Tensor;
  clip(x: Tensor): Tensor;
} {
  if (datum.range === undefined) return { half: 1, features: (x) => x, locate: (output) => output, clip: (x) => x };
  const { low, high, width } = interval(datum);
  const half = width / 2;
  const middle = low + half;
  return {
    half,
    features: (x) => tf.div(tf.sub(x, middle), half),
    locate: (output) => tf.add(tf.mul(output, half), middle),
    clip: (x) => tf.clipByValue(x, low, high),
  };
}

function learnedWidth({ shape }: DatumSpec, scale: ScaleOption, value: number): Pick<Likelihood, "init"> {
  if (typeof scale === "number") return {};
  return { init: () => ({ logScale: tf.fill(scale === "pixel" ? [...shape] : [], value) }) };
}

/** Logarithm of the width in the data's units; learned widths are relative to half the range. */
function logScaleOf(scale: ScaleOption, half: number): (params: LikelihoodParams) => Tensor {
  if (typeof scale === "number") return () => tf.scalar(Math.log(scale));
  return ({ logScale }) =>
    tf.add(tf.clipByValue(logScale as Tensor, -LOG_SCALE_LIMIT, LOG_SCALE_LIMIT), Math.log(half));
}
