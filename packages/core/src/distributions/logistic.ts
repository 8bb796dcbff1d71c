import { type Key, UserError, uniform } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/*
 * Logistic distributions with mean `mu` and log-scale `logScale` (standard deviation: scale * pi / sqrt 3), element by element, in nats.
 */

/**
 * Log-density of the logistic distribution, nats, element by element with broadcasting: `-z - logScale - 2 log(1 + exp(-z))` with
 * `z = (x - mu) / scale`.
 */
export function logisticLogProb(x: tf.Tensor, mu: tf.Tensor, logScale: tf.Tensor): tf.Tensor {
  const z = tf.mul(tf.sub(x, mu), tf.exp(tf.neg(logScale)));
  return tf.neg(tf.add(tf.add(tf.softplus(z), tf.softplus(tf.neg(z))), logScale));
}

/**
 * A draw of the logistic distribution, shape of `mu` and `logScale` broadcast: `mu + scale (log u - log(1 - u))`; gradients flow to both
 * parameters. Within 17.4 scales of the mean.
 */
export function logisticSample(key: Key, mu: tf.Tensor, logScale: tf.Tensor): tf.Tensor {
  const shape = tf.backend_util.assertAndGetBroadcastShape(mu.shape, logScale.shape);
  const u = tf.maximum(uniform(key, shape), 2 ** -25); // multiples of 2^-24 below 1, zero among them
  return tf.add(mu, tf.mul(tf.exp(logScale), tf.sub(tf.log(u), tf.log(tf.sub(1, u)))));
}

/** The grid that quantised data lie on. */
export interface Quantization {
  /** First and last level. @default [0, 1] */
  readonly range?: readonly [low: number, high: number];
  /** Number of equally spaced levels. @default 256 */
  readonly levels?: number;
}

interface Grid {
  readonly low: number;
  readonly high: number;
  readonly width: number;
}

function gridOf({ range = [0, 1], levels = 256 }: Quantization): Grid {
  const [low, high] = range;
  if (!Number.isInteger(levels) || levels < 2) {
    throw new UserError(
      "@latentkit/core",
      `levels must be a whole number from 2, got ${levels}; use 256 for 8-bit data`,
    );
  }
  if (!(low < high)) {
    throw new UserError("@latentkit/core", `range must rise, got [${low}, ${high}]; use [0, 1] or [-1, 1]`);
  }
  return { low, high, width: (high - low) / (levels - 1) };
}

/** Scales beyond these make the mass of a bin overflow or vanish in float32. */
const LOG_SCALE_LIMIT = 20;

/** `log(1 - exp(-d))` for `d > 0`, without cancellation: `1 - exp(-d) = 2 t / (1 + t)`, `t = tanh(d / 2)`. */
function log1mExp(d: tf.Tensor): tf.Tensor {
  const t = tf.tanh(tf.mul(d, 0.5));
  return tf.sub(tf.log(tf.mul(t, 2)), tf.log(tf.add(t, 1)));
}

/**
 * Log-probability of quantised data under a logistic distribution: the mass of the bin around `x`, where the first and the last bin reach to
 * infinity, so that the probabilities of all levels sum to 1. Salimans et al., 2017, §2.1. https://arxiv.org/abs/1701.05517
 *
 * With `a`, `b` the standardised edges, `log(sigmoid(a) - sigmoid(b)) = log sigmoid(a) + log sigmoid(-b) + log(1 - exp(b - a))`: exact where the
 * difference underflows, so no approximation of small masses is needed. Log-scales are limited to [-20, 20].
 *
 * @param x Values on the grid. @param mu Mean, in the data's range. @param logScale Log of the scale, in the data's unit. @returns Nats, element by element.
 * @throws UserError for a range or number of levels that cannot be.
 */
export function discretizedLogisticLogProb(
  x: tf.Tensor,
  mu: tf.Tensor,
  logScale: tf.Tensor,
  quantization: Quantization = {},
): tf.Tensor {
  const { low, high, width } = gridOf(quantization);
  const inverse = tf.exp(tf.neg(tf.clipByValue(logScale, -LOG_SCALE_LIMIT, LOG_SCALE_LIMIT)));
  const centred = tf.sub(x, mu);
  const a = tf.mul(tf.add(centred, width / 2), inverse);
  const b = tf.mul(tf.sub(centred, width / 2), inverse);
  const notFirst = tf.cast(tf.greater(x, low + width / 2), "float32");
  const notLast = tf.cast(tf.less(x, high - width / 2), "float32");
  const upper = tf.mul(tf.softplus(tf.neg(a)), notLast); // -log sigmoid(a)
  const lower = tf.mul(tf.softplus(b), notFirst); // -log sigmoid(-b)
  const inner = tf.mul(log1mExp(tf.mul(inverse, width)), tf.mul(notFirst, notLast));
  return tf.sub(inner, tf.add(upper, lower));
}

/**
 * Draws from the distribution of {@link discretizedLogisticLogProb}: values on the grid, shape of `mu` and `logScale` broadcast. No gradient flows
 * through the rounding. @throws UserError as there.
 */
export function discretizedLogisticSample(
  key: Key,
  mu: tf.Tensor,
  logScale: tf.Tensor,
  quantization: Quantization = {},
): tf.Tensor {
  const { low, high, width } = gridOf(quantization);
  const drawn = tf.clipByValue(logisticSample(key, mu, logScale), low, high);
  return tf.add(tf.mul(tf.round(tf.div(tf.sub(drawn, low), width)), width), low);
}
