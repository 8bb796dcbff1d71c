import type { DatumSpec, TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** Between the data's own units and those that the networks work in: [-1, 1], or mean 0 and deviation 1. */
export interface Scale {
  /** What must be known of the data, from the first batch: model state; `undefined` when their range says all. */
  init(x: Tensor): TensorTree | undefined;
  /** Data as the discriminator sees them. */
  toNetwork(x: Tensor, state: TensorTree | undefined): Tensor;
  /** What the generator's last layer gives, as the discriminator sees it. */
  activate(output: Tensor): Tensor;
  /** Generated data in the data's own units. */
  toData(x: Tensor, state: TensorTree | undefined): Tensor;
}

/** How a generator of bounded data ends. */
export type OutputKind = "tanh" | "linear";

/**
 * Bounded data are moved to [-1, 1]. There tanh keeps the samples (Radford et al., 2015, §4); or they are left free in training and cut when they are
 * used, as in R3GAN: nothing saturates then, which matters where most pixels are at an end of the range.
 */
function bounded([low, high]: readonly [number, number], output: OutputKind): Scale {
  const half = (high - low) / 2;
  return {
    init: () => undefined,
    toNetwork: (x) => tf.sub(tf.div(tf.sub(x, low), half), 1),
    activate: (x) => (output === "tanh" ? tf.tanh(x) : x),
    toData: (x) => tf.add(tf.mul(tf.add(tf.clipByValue(x, -1, 1), 1), half), low),
  };
}

type Moments = Readonly<Record<"mean" | "deviation", Tensor>>;

/** Unbounded data are standardised by the first batch, every value on its own; a constant value is only moved. */
const unbounded: Scale = {
  init(x) {
    const mean = tf.mean(x, 0);
    const deviation = tf.sqrt(tf.mean(tf.square(tf.sub(x, mean)), 0));
    return { mean, deviation: tf.where(tf.greater(deviation, 1e-6), deviation, tf.onesLike(deviation)) };
  },
  toNetwork(x, state) {
    const { mean, deviation } = state as unknown as Moments;
    return tf.div(tf.sub(x, mean), deviation);
  },
  activate: (output) => output,
  toData(x, state) {
    const { mean, deviation } = state as unknown as Moments;
    return tf.add(tf.mul(x, deviation), mean);
  },
};

/** The scale that suits a kind of data. */
export function scaleOf({ kind, range }: DatumSpec, output: OutputKind): Scale {
  if (kind === "binary") return bounded([0, 1], output);
  return range === undefined ? unbounded : bounded(range, output);
}
