import { type Key, uniform } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/**
 * One number in [0, 1) for each example, each uniform, all evenly spread: a comb with one random offset. Losses of a batch vary less than with
 * independent numbers. Kingma et al., "Variational diffusion models", 2021, appendix I.1. https://arxiv.org/abs/2107.00630
 *
 * @returns Shape `(n,)`.
 */
export function evenlySpread(key: Key, n: number): Tensor {
  const shifted = tf.add(uniform(key, [1]), tf.div(tf.range(0, n), n));
  return tf.sub(shifted, tf.floor(shifted));
}

/** Pieces of the quantile function, linear in between. */
const PIECES = 1024;
const FINE = 40_000;
const REACH = 6; // standard deviations; beyond are two in a thousand million

/** Quantiles of the standard normal at `(k + 1/2) / (PIECES + 1)`, by summing its density. */
function normalQuantiles(): Float32Array {
  const step = (2 * REACH) / FINE;
  const quantiles = new Float32Array(PIECES + 1);
  let mass = 0;
  let k = 0;
  for (let i = 0; i < FINE && k <= PIECES; i++) {
    const x = -REACH + (i + 0.5) * step;
    mass += (Math.exp(-(x ** 2) / 2) / Math.sqrt(2 * Math.PI)) * step;
    while (k <= PIECES && mass >= (k + 0.5) / (PIECES + 1)) quantiles[k++] = x + step / 2;
  }
  return quantiles;
}

/** Standard normal numbers as evenly spread as {@link evenlySpread} makes uniform ones, within 3.3 of 0. @returns Shape `(n,)`. */
export function evenlySpreadNormal(key: Key, n: number): Tensor {
  const place = tf.mul(evenlySpread(key, n), PIECES);
  const piece = tf.minimum(tf.floor(place), PIECES - 1);
  const table = tf.tensor1d(normalQuantiles());
  const at = (index: Tensor) => tf.gather(table, tf.cast(index, "int32") as tf.Tensor1D);
  const [low, high] = [at(piece), at(tf.add(piece, 1))];
  return tf.add(low, tf.mul(tf.sub(place, piece), tf.sub(high, low)));
}
