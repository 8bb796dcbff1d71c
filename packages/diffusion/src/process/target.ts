import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { type Levels, spreadLevels } from "./level.js";

/*
 * What a network predicts. Every target in use is a mixture of data and noise like x itself,
 *
 *   y = p x0 + q eps        beside        x = alpha x0 + sigma eps,
 *
 * so x0, eps and every other target follow from (x, y) by one 2x2 system. A target is nothing but its two coefficients.
 */

/** Names of the {@link targets}. */
export const TARGET_NAMES = ["eps", "x0", "v", "edm", "velocity", "reverse-velocity"] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

/** `(p, q)` of `y = p x0 + q eps`, in the shape of the levels. */
export interface Mixture {
  readonly p: Tensor;
  readonly q: Tensor;
}

type Coefficients = (levels: Pick<Levels, "alpha" | "sigma">, sigmaData: Tensor) => Mixture;

const constant = (p: number, q: number): Coefficients => {
  return ({ alpha }) => ({ p: tf.fill(alpha.shape, p), q: tf.fill(alpha.shape, q) });
};

/** What a network can be trained to predict. `sigmaData`: standard deviation of the data, a scalar. */
export const targets: Readonly<Record<TargetName, Coefficients>> = {
  /** The noise. Ho et al., 2020, eq. 14. https://arxiv.org/abs/2006.11239 */
  eps: constant(0, 1),
  /** The data. */
  x0: constant(1, 0),
  /** `v = alpha eps - sigma x0`. Salimans & Ho, 2022, appendix D. https://arxiv.org/abs/2202.00512 */
  v: ({ alpha, sigma }) => ({ p: tf.neg(sigma), q: alpha }),
  /** `F = (x0 - cSkip x) / cOut`, of unit variance at every level. Karras et al., 2022, eq. 7. https://arxiv.org/abs/2206.00364 */
  edm(levels, sigmaData) {
    const { cSkip, cOut } = preconditioning(levels, sigmaData);
    return {
      p: tf.div(tf.sub(1, tf.mul(cSkip, levels.alpha)), cOut),
      q: tf.neg(tf.div(tf.mul(cSkip, levels.sigma), cOut)),
    };
  },
  /** Towards the data, `dx/dt = x0 - eps` of `x = t x0 + (1 - t) eps`. Lipman et al., 2022, eq. 23. https://arxiv.org/abs/2210.02747 */
  velocity: constant(1, -1),
  /** The same away from the data, `eps - x0`, as diffusers and Stable Diffusion 3 have it. */
  "reverse-velocity": constant(-1, 1),
};

/**
 * Scales that give a network inputs and targets of unit variance. Karras et al., 2022, table 1, with `x = alpha x0 + sigma eps` instead of
 * `x0 + sigma eps`: where `alpha^2 + sigma^2 = 1` and `sigmaData = 1` this is prediction of `-v`.
 */
export function preconditioning({ alpha, sigma }: Pick<Levels, "alpha" | "sigma">, sigmaData: Tensor) {
  const dataVariance = tf.square(sigmaData);
  const variance = tf.add(tf.mul(tf.square(alpha), dataVariance), tf.square(sigma)); // of x
  return {
    cSkip: tf.div(tf.mul(alpha, dataVariance), variance),
    cOut: tf.div(tf.mul(sigma, sigmaData), tf.sqrt(variance)),
    cIn: tf.rsqrt(variance),
  };
}

/** One prediction, seen as what it says of the data and of the noise. Shapes of `x`. */
export interface Views {
  readonly x0: Tensor;
  readonly eps: Tensor;
}

/**
 * Data and noise from noisy data and a prediction. At a level where the prediction says nothing of the data, as `eps` at `alpha = 0`, they are not finite.
 *
 * @param x Shape `(B, ...)`. @param y Prediction of the target, shape of `x`.
 */
export function viewsOf(target: TargetName, x: Tensor, y: Tensor, levels: Levels, sigmaData: Tensor): Views {
  const spreaded = spreadLevels(levels, x.rank);
  const { alpha, sigma } = spreaded;
  const { p, q } = targets[target](spreaded, sigmaData);
  const det = tf.sub(tf.mul(p, sigma), tf.mul(q, alpha));
  return {
    x0: tf.div(tf.sub(tf.mul(sigma, y), tf.mul(q, x)), det),
    eps: tf.div(tf.sub(tf.mul(p, x), tf.mul(alpha, y)), det),
  };
}

/** The value of a target, `p x0 + q eps`: what the network is trained towards. Shapes of `x0`. */
export function targetOf(target: TargetName, { x0, eps }: Views, levels: Levels, sigmaData: Tensor): Tensor {
  const { p, q } = targets[target](spreadLevels(levels, x0.rank), sigmaData);
  return tf.add(tf.mul(p, x0), tf.mul(q, eps));
}

/** How many times larger an error of the target is than the error of `x0` behind it: `|p - q alpha / sigma|`, shape of the levels. */
export function errorScale(target: TargetName, levels: Levels, sigmaData: Tensor): Tensor {
  const { p, q } = targets[target](levels, sigmaData);
  return tf.abs(tf.sub(p, tf.div(tf.mul(q, levels.alpha), levels.sigma)));
}
