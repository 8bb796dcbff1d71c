import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/*
 * All processes of this package mix data and noise in the same way,
 *
 *   x = alpha x0 + sigma eps,        x0 data, eps ~ N(0, I),
 *
 * and differ only in the path that (alpha, sigma) takes from data (1, 0) to noise. Kingma et al., "Variational diffusion models", 2021, §3.1.
 * https://arxiv.org/abs/2107.00630
 */

/** A place on the path from data to noise, as host numbers. */
export interface Level {
  readonly alpha: number;
  readonly sigma: number;
  /** What networks are told: roughly 0 (data) to 1000 (noise). */
  readonly time: number;
}

/** Levels as tensors: one for each example, shape `(B,)`, or one for all, shape `()`. */
export type Levels = Readonly<Record<keyof Level, Tensor>>;

/** The end of every path. */
export const DATA: Level = { alpha: 1, sigma: 0, time: 0 };

/** `sigma / alpha`: the noise in data's own scale, Karras et al.'s sigma. Infinite where nothing is left of the data. */
export const ratioOf = ({ alpha, sigma }: Pick<Level, "alpha" | "sigma">): number =>
  alpha === 0 ? Number.POSITIVE_INFINITY : sigma / alpha;

/** Values of shape `(B,)` as `(B, 1, …)` so that they broadcast over data of the given rank; scalars as they are. */
export function spread(values: Tensor, rank: number): Tensor {
  if (values.rank === 0) return values;
  return tf.reshape(values, [values.shape[0] as number, ...Array<number>(rank - 1).fill(1)]);
}

/** Levels that broadcast over data of the given rank. */
export function spreadLevels({ alpha, sigma, time }: Levels, rank: number): Levels {
  return { alpha: spread(alpha, rank), sigma: spread(sigma, rank), time };
}

/** Data and noise at their levels: `alpha x0 + sigma eps`. @param x0 Shape `(B, ...)`, as `eps`. */
export function mix(levels: Levels, x0: Tensor, eps: Tensor): Tensor {
  const { alpha, sigma } = spreadLevels(levels, x0.rank);
  return tf.add(tf.mul(alpha, x0), tf.mul(sigma, eps));
}
