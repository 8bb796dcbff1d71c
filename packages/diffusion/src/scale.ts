import { type Batch, type DatumSpec, sizeOf, UserError } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** What the first batch says of the data: state of the model, since gradients do not train it. */
export interface DataState {
  /** Standard deviation of the scaled data, scalar. */
  readonly sigmaData: Tensor;
  /** Mean and standard deviation of every feature, for data without a range: shape of a datum. */
  readonly mean?: Tensor;
  readonly std?: Tensor;
  readonly [name: string]: Tensor | undefined;
}

/** Between the data's own units and those of the networks. */
export interface Scale {
  measure(batch: Batch): DataState;
  /** Units of the networks: a range becomes [-1, 1], other data get mean 0 and standard deviation 0.5. */
  scale(state: DataState, x: Tensor): Tensor;
  unscale(state: DataState, x: Tensor): Tensor;
  /** Whether scaled data lie in [-1, 1]. */
  readonly isBounded: boolean;
  /** `log |d scaled / d x|` of one datum, nats, scalar. */
  logDet(state: DataState): Tensor;
}

/** The spread of scaled data without a range; pictures in [-1, 1] have about the same, so published noise levels suit both. */
const STD = 0.5;
const SMALLEST_STD = 1e-6; // of a feature that never changes

/** @throws UserError for data that are no numbers. */
export function scaleOf({ kind, range, shape }: DatumSpec): Scale {
  if (kind === "tokens" || kind === "pairs") {
    throw new UserError(
      "@latentkit/diffusion",
      `data must be continuous or on levels, got ${kind}; train an autoregressive model on them`,
    );
  }
  const bounds = kind === "binary" ? ([0, 1] as const) : range;
  return bounds === undefined ? standardized() : ranged(bounds, shape);
}

function ranged([low, high]: readonly [number, number], shape: readonly number[]): Scale {
  const [middle, half] = [(low + high) / 2, (high - low) / 2];
  const scale = (x: Tensor) => tf.div(tf.sub(x, middle), half);
  const size = sizeOf(shape);
  return {
    isBounded: true,
    measure: ({ x }) => ({ sigmaData: deviation(scale(x)) }),
    scale: (_state, x) => scale(x),
    unscale: (_state, x) => tf.clipByValue(tf.add(tf.mul(x, half), middle), low, high),
    logDet: () => tf.scalar(-size * Math.log(half)),
  };
}

function standardized(): Scale {
  const scale = ({ mean, std }: DataState, x: Tensor) => tf.mul(tf.div(tf.sub(x, mean as Tensor), std as Tensor), STD);
  return {
    isBounded: false,
    measure({ x }) {
      const mean = tf.mean(x, 0);
      const std = tf.maximum(tf.sqrt(tf.mean(tf.square(tf.sub(x, mean)), 0)), SMALLEST_STD);
      return { mean, std, sigmaData: deviation(scale({ mean, std, sigmaData: mean }, x)) };
    },
    scale,
    unscale: ({ mean, std }, x) => tf.add(tf.mul(tf.div(x, STD), std as Tensor), mean as Tensor),
    logDet: ({ std }) => tf.sum(tf.log(tf.div(STD, std as Tensor))),
  };
}

/** Standard deviation about the mean of all values, not 0 even for data that never change. */
function deviation(x: Tensor): Tensor {
  return tf.maximum(tf.sqrt(tf.mean(tf.square(tf.sub(x, tf.mean(x))))), SMALLEST_STD);
}
