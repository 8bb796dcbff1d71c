import { type DatumSpec, fold, type Key, normal, type TensorTree, uniform } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { normalBase } from "./bases/normal.js";
import { layers } from "./models/architecture.js";
import { gatedConv } from "./networks/gated-conv.js";
import { residualMlp } from "./networks/residual-mlp.js";
import { type ChainParams, chain } from "./transforms/chain.js";
import { checkerboardCoupling, coupling } from "./transforms/coupling.js";
import { affine } from "./transforms/elementwise.js";
import { logit } from "./transforms/logit.js";
import { permute } from "./transforms/permute.js";

/** Data as values that have a density, in the interval [0, 1] where the data have a range. */
export interface Continuous {
  /** Shape `(B, ...datum.shape)`. */
  readonly x: Tensor;
  /** What must be added to the log-density of `x` for the log-probability (or density) of the data, nats, `(B,)` or scalar. */
  readonly correction: Tensor;
}

/** How data become continuous, and come back. */
export interface Dequantization {
  /** For whoever compares likelihoods. */
  readonly note: string;
  /** Whether log-probabilities are bounds that depend on noise. */
  readonly isNoisy: boolean;
  /** Absent when nothing is learned. */
  init?(key: Key, batch: Tensor): TensorTree;
  /** Without a key every value is in the middle of its level. */
  toContinuous(params: TensorTree, x: Tensor, key?: Key): Continuous;
  /** The data of continuous values: those of the level they fall into, inside the range. */
  toData(x: Tensor): Tensor;
}

/** Level counts of data: binary data have two, others those they declare. */
export function levelsOf({ kind, levels }: DatumSpec): number | undefined {
  return kind === "binary" ? 2 : levels;
}

/** Continuous data: a density in their own units. A range is scaled to [0, 1], and the density with it. */
export function continuousData({ shape, range }: DatumSpec): Dequantization {
  const D = shape.reduce((a, b) => a * b, 1);
  const [low, high] = range ?? [0, 1];
  const width = high - low;
  return {
    note: "a density in the units of the data",
    isNoisy: false,
    toContinuous(_params, x) {
      if (range === undefined) return { x, correction: tf.scalar(0) };
      const outside = tf.logicalOr(tf.less(x, low), tf.greater(x, high));
      const isOutside = tf.any(tf.reshape(outside, [x.shape[0] as number, D]), 1); // there the density is zero
      const scaled = tf.fill([x.shape[0] as number], -D * Math.log(width));
      return {
        x: tf.div(tf.sub(x, low), width),
        correction: tf.where(isOutside, tf.fill(scaled.shape, Number.NEGATIVE_INFINITY), scaled),
      };
    },
    toData: (x) => (range === undefined ? x : tf.clipByValue(tf.add(tf.mul(x, width), low), low, high)),
  };
}

interface Levels {
  readonly count: number;
  readonly low: number;
  readonly high: number;
}

const levelIndex = (x: Tensor, { count, low, high }: Levels) =>
  tf.round(tf.mul(tf.sub(x, low), (count - 1) / (high - low)));

/** The value of the level that `x` in [0, 1] falls into. */
const levelValue = (x: Tensor, { count, low, high }: Levels) =>
  tf.add(tf.mul(tf.clipByValue(tf.floor(tf.mul(x, count)), 0, count - 1), (high - low) / (count - 1)), low);

function levels(datum: DatumSpec): Levels {
  const [low, high] = datum.range ?? [0, 1];
  return { count: levelsOf(datum) as number, low, high };
}

/**
 * Uniform noise of one level's width: `x = (k + u) / L`. Then `log P(k) >= E_u[log p(x)] - D log L`: the correction is in the likelihood, so
 * bits per dimension need no further constant. Theis, van den Oord, Bethge, 2015, §3.1. https://arxiv.org/abs/1511.01844
 */
export function uniformDequantization(datum: DatumSpec): Dequantization {
  const scale = levels(datum);
  const D = datum.shape.reduce((a, b) => a * b, 1);
  return {
    note: `of ${scale.count} levels, uniform dequantisation`,
    isNoisy: true,
    toContinuous(_params, x, key) {
      const noise = key === undefined ? tf.scalar(0.5) : uniform(key, x.shape);
      return {
        x: tf.div(tf.add(levelIndex(x, scale), noise), scale.count),
        correction: tf.scalar(-D * Math.log(scale.count)),
      };
    },
    toData: (x) => levelValue(x, scale),
  };
}

/** Couplings of the noise flow, and its width: those of the UvA tutorial 11. */
const NOISE_LAYERS = 4;
const NOISE_CHANNELS = 16;

/**
 * Noise from a small conditional flow `q(u|x)` instead of uniform noise: `log P(k) >= E_q[log p(x) - log q(u|x)] - D log L`.
 * Flow++ (Ho et al., 2019), §3.1. https://arxiv.org/abs/1902.00275
 */
export function variationalDequantization(datum: DatumSpec): Dequantization {
  const scale = levels(datum);
  const D = datum.shape.reduce((a, b) => a * b, 1);
  const isImage = datum.shape.length === 3;
  const noise = noiseFlow(datum.shape);
  const squash = logit(1e-5);
  /** The image as the noise flow sees it, in [-1, 1]. */
  const seen = (x: Tensor) => {
    const centred = tf.sub(tf.mul(levelIndex(x, scale), 2 / (scale.count - 1)), 1);
    return isImage ? centred : tf.reshape(centred, [x.shape[0] as number, D]);
  };
  const flat = (x: Tensor) => (isImage ? x : tf.reshape(x, [x.shape[0] as number, D]));
  return {
    note: `of ${scale.count} levels, variational dequantisation`,
    isNoisy: true,
    init: (key, x) => noise.init(key, normal(fold(key, "noise"), flat(x).shape), seen(x)),
    toContinuous(params, x, key) {
      const B = x.shape[0] as number;
      const shape = flat(x).shape;
      const start = key === undefined ? tf.zeros(shape) : normal(key, shape);
      const shaped = noise.encode(params as ChainParams, start, seen(x));
      const unit = squash.decode({}, shaped.y); // u in [0, 1] but for rounding
      const logStart = normalBase().logProb({}, tf.reshape(start, [B, D]));
      const logQ = tf.sub(logStart, tf.add(shaped.logDet, unit.logDet));
      const u = tf.reshape(tf.clipByValue(unit.y, 0, 1), x.shape);
      return {
        x: tf.div(tf.add(levelIndex(x, scale), u), scale.count),
        correction: tf.neg(tf.add(logQ, D * Math.log(scale.count))),
      };
    },
    toData: (x) => levelValue(x, scale),
  };
}

function noiseFlow(shape: readonly number[]) {
  if (shape.length === 3) {
    const layer = (i: number) =>
      checkerboardCoupling(affine(), gatedConv({ channels: NOISE_CHANNELS, layers: 3 }), i % 2 === 0 ? 0 : 1);
    return chain(layers(NOISE_LAYERS, layer));
  }
  const D = shape.reduce((a, b) => a * b, 1);
  const layer = () =>
    chain({ coupling: coupling(affine(), residualMlp({ width: 64, blocks: 1 })), swap: permute(D, "reverse") });
  return chain(layers(NOISE_LAYERS, layer));
}
