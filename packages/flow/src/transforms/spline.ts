import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Elementwise, MappedValues } from "./elementwise.js";

/** Shape of a rational-quadratic spline. */
export interface SplineOptions {
  /** Number of pieces, K. */
  readonly bins: number;
  /** The spline acts on `[-bound, bound]`; beyond it the map is the identity. */
  readonly bound: number;
}

/** Smallest share of a bin, and smallest derivative at a knot. Durkan et al., 2019, code. */
const MIN_SHARE = 1e-3;
const MIN_SLOPE = 1e-3;
/** softplus(SLOPE_SHIFT) + MIN_SLOPE = 1, so that outputs of zero give the identity. */
const SLOPE_SHIFT = Math.log(Math.expm1(1 - MIN_SLOPE));

/** The bin of every value: its left knot `(x, y)`, its `width` and `height`, and the slopes at its two ends. Each of the values' shape. */
interface Bin {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly width: Tensor;
  readonly height: Tensor;
  readonly left: Tensor;
  readonly right: Tensor;
}

/**
 * Monotonic rational-quadratic spline with K bins and slope 1 at both ends, so that it joins the identity outside smoothly.
 * Durkan et al., "Neural spline flows", 2019, §3.1 and appendix A. https://arxiv.org/abs/1906.04032
 *
 * Values are limited to the interval before the spline sees them and chosen afterwards: the branch that is not used must not have a NaN
 * gradient. Bins are found by comparing with all knots, without a gather.
 */
export function rationalQuadraticSpline({ bins, bound }: SplineOptions): Elementwise {
  const apply = (x: Tensor, theta: Tensor, direction: "encode" | "decode"): MappedValues => {
    const inside = tf.less(tf.abs(x), bound);
    const clipped = tf.clipByValue(x, -bound, bound);
    const bin = findBin(clipped, theta, { bins, bound }, direction === "encode" ? "x" : "y");
    const { y, logDet } = direction === "encode" ? ahead(clipped, bin) : back(clipped, bin);
    return { y: tf.where(inside, y, x), logDet: tf.where(inside, logDet, tf.zerosLike(x)) };
  };
  return {
    size: 3 * bins - 1, // K widths, K heights, K - 1 inner slopes
    encode: (x, theta) => apply(x, theta, "encode"),
    decode: (z, theta) => apply(z, theta, "decode"),
  };
}

function findBin(value: Tensor, theta: Tensor, { bins: K, bound }: SplineOptions, axis: "x" | "y"): Bin {
  const F = value.shape[value.rank - 1] as number;
  const lead = value.shape.slice(0, -1);
  const flat = value.size / F;
  const rows = tf.reshape(theta, [flat, 3 * K - 1, F]);
  const [rawWidths, rawHeights, rawSlopes] = tf.split(rows, [K, K, K - 1], 1) as [Tensor, Tensor, Tensor];
  const widths = shares(rawWidths, 2 * bound); // (N, K, F)
  const heights = shares(rawHeights, 2 * bound);
  const xKnots = knots(widths, bound); // (N, K, F), left ends
  const yKnots = knots(heights, bound);
  const inner = tf.add(tf.softplus(tf.add(rawSlopes, SLOPE_SHIFT)), MIN_SLOPE);
  const one = tf.ones([flat, 1, F]);
  const lefts = tf.concat([one, inner], 1);
  const rights = tf.concat([inner, one], 1);
  const at = tf.reshape(value, [flat, 1, F]);
  const inBin = binOf(at, axis === "x" ? xKnots : yKnots); // (N, K, F), one-hot
  const pick = (all: Tensor) => tf.reshape(tf.sum(tf.mul(all, inBin), 1), [...lead, F]);
  return {
    x: pick(xKnots),
    y: pick(yKnots),
    width: pick(widths),
    height: pick(heights),
    left: pick(lefts),
    right: pick(rights),
  };
}

/** Positive parts of `total` along axis 1: a softmax that leaves nobody less than the smallest share. */
function shares(raw: Tensor, total: number): Tensor {
  const K = raw.shape[1] as number;
  const shifted = tf.exp(tf.sub(raw, tf.max(raw, 1, true)));
  const softmax = tf.div(shifted, tf.sum(shifted, 1, true));
  return tf.mul(tf.add(tf.mul(softmax, 1 - MIN_SHARE * K), MIN_SHARE), total);
}

/** Left ends of the bins along axis 1, from `-bound`. */
function knots(sizes: Tensor, bound: number): Tensor {
  return tf.sub(tf.cumsum(sizes, 1, true), bound);
}

/** One-hot along axis 1: the last bin whose left end is not above the value. */
function binOf(value: Tensor, left: Tensor): Tensor {
  const K = left.shape[1] as number;
  const [N, , F] = left.shape as [number, number, number];
  const passed = tf.cast(tf.greaterEqual(value, tf.slice(left, [0, 1, 0], [N, K - 1, F])), "float32"); // (N, K - 1, F)
  const edge = [N, 1, F];
  return tf.sub(tf.concat([tf.ones(edge), passed], 1), tf.concat([passed, tf.zeros(edge)], 1));
}

/** Equations 4 and 5 of the paper. */
function ahead(x: Tensor, bin: Bin): MappedValues {
  const xi = tf.div(tf.sub(x, bin.x), bin.width);
  const s = tf.div(bin.height, bin.width);
  const rest = tf.mul(xi, tf.sub(1, xi));
  const denominator = tf.add(s, tf.mul(tf.sub(tf.add(bin.left, bin.right), tf.mul(s, 2)), rest));
  const numerator = tf.mul(bin.height, tf.add(tf.mul(s, tf.square(xi)), tf.mul(bin.left, rest)));
  return { y: tf.add(bin.y, tf.div(numerator, denominator)), logDet: logSlope(xi, s, rest, denominator, bin) };
}

/**
 * Inverse of {@link ahead}. The paper's quadratic (eq. 6-8) has, with `eta = (y - y_k) / height` and `p = d_k (1 - eta) - d_{k+1} eta`, the
 * discriminant `p^2 + 4 s^2 eta (1 - eta)`: a sum of positive terms, so nothing cancels and it is never negative. Its root is taken from the end
 * of the bin that the sign of p says, where the denominator is a sum of positive terms too.
 */
function back(y: Tensor, bin: Bin): MappedValues {
  const s = tf.div(bin.height, bin.width);
  const eta = tf.div(tf.sub(y, bin.y), bin.height);
  const other = tf.sub(1, eta);
  const p = tf.sub(tf.mul(bin.left, other), tf.mul(bin.right, eta));
  const root = tf.sqrt(tf.add(tf.square(p), tf.mul(tf.square(s), tf.mul(tf.relu(tf.mul(eta, other)), 4))));
  const fromLeft = tf.greaterEqual(p, 0);
  const part = tf.mul(tf.mul(s, tf.where(fromLeft, eta, other)), 2);
  const share = tf.div(part, tf.add(tf.add(tf.abs(p), part), root));
  const xi = tf.clipByValue(tf.where(fromLeft, share, tf.sub(1, share)), 0, 1);
  const rest = tf.mul(xi, tf.sub(1, xi));
  const bend = tf.sub(tf.add(bin.left, bin.right), tf.mul(s, 2));
  const denominator = tf.add(s, tf.mul(bend, rest));
  return {
    y: tf.add(bin.x, tf.mul(xi, bin.width)),
    logDet: tf.neg(logSlope(xi, s, rest, denominator, bin)),
  };
}

/** `log dy/dx`: `2 log s + log(d_{k+1} xi^2 + 2 s xi (1 - xi) + d_k (1 - xi)^2) - 2 log(denominator)`. */
function logSlope(xi: Tensor, s: Tensor, rest: Tensor, denominator: Tensor, bin: Bin): Tensor {
  const shape = tf.add(
    tf.add(tf.mul(bin.right, tf.square(xi)), tf.mul(tf.mul(s, rest), 2)),
    tf.mul(bin.left, tf.square(tf.sub(1, xi))),
  );
  return tf.add(tf.log(shape), tf.mul(tf.sub(tf.log(s), tf.log(denominator)), 2));
}
