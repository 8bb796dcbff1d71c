import { type Batch, bernoulli, fold, type Key, type ScanMetric, sizeOf, uniform } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { levelsOf } from "./bound.js";
import { type Diffusion, type DiffusionParams, denoise } from "./denoiser.js";
import { wayDown } from "./inversion.js";
import { type Level, ratioOf } from "./process/level.js";
import type { DataState } from "./scale.js";

/*
 * Sampling by the probability-flow equation is an invertible map, so it has an exact density. With z = x / alpha and s = sigma / alpha,
 *
 *   dz/ds = (z - D) / s,       log p(z_0) = log N(z_S; 0, S^2) + integral of div (z - D) / s ds from 0 to S.
 *
 * Song et al., "Score-based generative modeling through stochastic differential equations", 2020, §4.3 and appendix D.2. https://arxiv.org/abs/2011.13456
 */

/** Heun steps from data to noise, two evaluations each. */
const STEPS = 64;
/** Examples measured: an evaluation with a derivative costs three. */
const LIMIT = 500;
/** Divergences are exact up to so many dimensions, and estimated by one random direction beyond. */
const EXACT_DIMENSIONS = 4;

interface Carry {
  readonly z: Tensor;
  /** Integral of the divergence so far, `(B,)`. */
  readonly integral: Tensor;
  /** What to add for the units of the data, `(B,)`. */
  readonly correction: Tensor;
  /** Random signs, shape of z: the direction of estimated divergences. */
  readonly direction: Tensor;
  readonly label?: Tensor;
  readonly [name: string]: Tensor | undefined;
}

/** Log-likelihood of the map from noise to data that deterministic samplers follow. */
export function flowLikelihood(diffusion: Diffusion): ScanMetric<DiffusionParams, DataState, any> {
  const levels = wayDown(diffusion, STEPS + 1).reverse();
  const size = sizeOf(diffusion.datum.shape);
  const isExact = size <= EXACT_DIMENSIONS;
  return {
    unit: "nats",
    summary: `log-likelihood by the probability-flow equation, in ${STEPS} steps of Heun's method${isExact ? "" : ", divergences estimated by one random direction"}`,
    onRequest: true,
    limit: LIMIT,
    scan: {
      steps: STEPS,
      start: (_params, state, batch, key): Carry => startOf(diffusion, state, batch, key),
      step: (params, state, carry: Carry, i) => heun(diffusion, levels, isExact)(params, state, carry, i),
      finish(_params, _state, { z, integral, correction }: Carry) {
        const end = ratioOf(levels[levels.length - 1] as Level);
        const squares = tf.sum(tf.reshape(tf.square(z), [z.shape[0] as number, -1]), 1);
        const logPrior = tf.sub(tf.div(squares, -2 * end ** 2), size * Math.log(end * Math.sqrt(2 * Math.PI)));
        return tf.add(tf.add(logPrior, integral), correction);
      },
    },
  };
}

/** Data at the cleanest level; values on levels are spread evenly over their level first, which makes the result a bound on log P. */
function startOf(diffusion: Diffusion, state: DataState, { x, label }: Batch, key: Key): Carry {
  const { scale, classes } = diffusion;
  const levels = levelsOf(diffusion);
  const scaled = scale.scale(state, x);
  const n = x.shape[0] as number;
  const width = levels === undefined ? 0 : 2 / (levels - 1);
  const z = levels === undefined ? scaled : tf.add(scaled, uniform(fold(key, "level"), x.shape, -width / 2, width / 2));
  const unit = levels === undefined ? scale.logDet(state) : tf.scalar((x.size / n) * Math.log(width));
  const coin = bernoulli(fold(key, "direction"), tf.fill(x.shape, 0.5));
  return {
    z,
    integral: tf.zeros([n]),
    correction: tf.add(tf.zeros([n]), unit),
    direction: tf.sub(tf.mul(coin, 2), 1),
    ...(classes === undefined || label === undefined ? {} : { label }),
  };
}

/** One step of Heun's method on z and on the integral of the divergence. */
function heun(diffusion: Diffusion, levels: readonly Level[], isExact: boolean) {
  const table = levels.map(({ alpha, sigma, time }) => [alpha, sigma, time]);
  return (params: DiffusionParams, { sigmaData }: DataState, carry: Carry, i: Tensor): Carry => {
    const at = (index: Tensor) => {
      const [alpha, sigma, time] = tf.unstack(tf.reshape(tf.gather(tf.tensor2d(table), tf.reshape(index, [1])), [3]));
      return { alpha, sigma, time } as { alpha: Tensor; sigma: Tensor; time: Tensor };
    };
    const slope = (z: Tensor, index: Tensor) =>
      slopeAndDivergence(z, at(index), carry, isExact, (x, level) =>
        denoise(diffusion, params, sigmaData, { x, levels: level, label: carry.label }),
      );
    const next = tf.add(i, tf.scalar(1, "int32"));
    const ratio = (index: Tensor) => tf.div(at(index).sigma, at(index).alpha);
    const step = tf.sub(ratio(next), ratio(i));
    const first = slope(carry.z, i);
    const second = slope(tf.add(carry.z, tf.mul(step, first.slope)), next);
    const half = tf.mul(step, 0.5);
    return {
      ...carry,
      z: tf.add(carry.z, tf.mul(half, tf.add(first.slope, second.slope))),
      integral: tf.add(carry.integral, tf.mul(half, tf.add(first.divergence, second.divergence))),
    };
  };
}

/** `f = (z - D) / s`, shape of z, and `div f`, `(B,)`. */
function slopeAndDivergence(
  z: Tensor,
  level: { alpha: Tensor; sigma: Tensor; time: Tensor },
  { direction }: Carry,
  isExact: boolean,
  denoiser: (x: Tensor, level: { alpha: Tensor; sigma: Tensor; time: Tensor }) => Tensor,
): { slope: Tensor; divergence: Tensor } {
  const s = tf.div(level.sigma, level.alpha);
  const f = (point: Tensor) => tf.div(tf.sub(point, denoiser(tf.mul(point, level.alpha), level)), s);
  const n = z.shape[0] as number;
  /** `v . (df/dz)^T v` for one v. */
  const along = (v: Tensor) => {
    const pulled = tf.grad((point: Tensor) => tf.sum(tf.mul(f(point), v)))(z);
    return tf.sum(tf.reshape(tf.mul(pulled, v), [n, -1]), 1);
  };
  const directions = isExact ? axesOf(z) : [direction];
  return { slope: f(z), divergence: directions.map(along).reduce((sum, part) => tf.add(sum, part)) };
}

/** A unit vector along each dimension of a datum, for all examples, shape of z. */
function axesOf(z: Tensor): Tensor[] {
  const n = z.shape[0] as number;
  const size = z.size / n;
  return Array.from({ length: size }, (_, d) =>
    tf.reshape(tf.tile(tf.oneHot(tf.tensor1d([d], "int32"), size, 1, 0, "float32"), [n, 1]), z.shape),
  );
}
