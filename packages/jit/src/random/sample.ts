import {
  add,
  argMax,
  cast,
  clone,
  engine,
  less,
  log,
  maximum,
  mod,
  mul,
  neg,
  scalar,
  square,
  sub,
  type Tensor,
  type Tensor1D,
} from "@tensorflow/tfjs-core";
import { UserError } from "../errors.js";
import type { Key } from "./key.js";
import "./kernels.js";

/**
 * Standard normal numbers, float32, by Box and Muller (1958) on Philox words; the same key gives the same numbers on every engine.
 *
 * @throws UserError when a dimension is not a nonnegative integer; so do the other functions of this file.
 */
export function normal(key: Key, shape: readonly number[]): Tensor {
  return draw("PhiloxNormal", key, shape);
}

/** Uniform numbers in `[low, high)`, float32: multiples of `2^-24` of the range. A `low` far from 0 may round a number up to `high`. */
export function uniform(key: Key, shape: readonly number[], low = 0, high = 1): Tensor {
  const unit = draw("PhiloxUniform", key, shape);
  if (low === 0 && high === 1) return unit;
  const scaled = mul(unit, scalar(high - low));
  return low === 0 ? scaled : add(scaled, scalar(low));
}

/** Ones with probability `p`, else zeros: float32 of `p`'s shape. No gradient flows to `p`. */
export function bernoulli(key: Key, p: Tensor): Tensor {
  return cast(less(uniform(key, p.shape), detach(p)), "float32");
}

/** A uniformly drawn permutation of 0 … n - 1, `int32[n]`. */
export function permutation(key: Key, n: number): Tensor1D {
  checkSize("n", n);
  return engine().runKernel("PhiloxPermutation", { key }, { n }) as Tensor1D;
}

/**
 * Integers in `low, …, high - 1`, int32: a random 32-bit word modulo the range, so probabilities differ by at most one part in `2^32 / (high - low)`.
 *
 * @throws UserError when the bounds are not 32-bit integers or the range is empty or above `2^31 - 1`.
 */
export function randomInteger(key: Key, shape: readonly number[], low: number, high: number): Tensor {
  const range = high - low;
  if ((low | 0) !== low || !Number.isInteger(high) || range < 1 || range > 2 ** 31 - 1 || high > 2 ** 31) {
    throw new UserError(
      "@latentkit/jit",
      `randomInteger: [low, high) must be a non-empty range of 32-bit integers, got [${low}, ${high}); choose low < high`,
    );
  }
  const words = draw("PhiloxBits", key, shape);
  const within = mod(words, scalar(range, "int32"));
  return low === 0 ? within : add(within, scalar(low, "int32"));
}

/**
 * Standard Gumbel numbers, float32: `-ln(-ln u)` with `u` at least `2^-25`, so values lie in [-2.86, 16.64].
 * Gumbel, "Statistical theory of extreme values", 1954.
 */
export function gumbel(key: Key, shape: readonly number[]): Tensor {
  const positive = maximum(uniform(key, shape), scalar(2 ** -25));
  return neg(log(neg(log(positive))));
}

/**
 * Class indices, int32, drawn from the softmax over the last axis: `argmax(logits + gumbel)`. No gradient flows to the logits.
 * Maddison, Tarlow, Minka, "A* sampling", 2014, §2. https://arxiv.org/abs/1411.0030
 *
 * @param logits Shape `(…, K)`, unnormalised log-probabilities in nats; minus infinity forbids a class.
 * @returns Shape `(…)`.
 */
export function categorical(key: Key, logits: Tensor): Tensor {
  return argMax(add(detach(logits), gumbel(key, logits.shape)), -1);
}

/** `erf(sqrt(2))`: the probability that a standard normal lies within two standard deviations. */
const WITHIN_TWO = 0.9544997361036416;

/**
 * Normal numbers conditioned on lying in [-2, 2], float32, by the inverse distribution function; their standard deviation is 0.8796.
 * The inverse is the central single-precision polynomial, relative error below 1e-6, of Giles, "Approximating the erfinv function", 2010, table 5.
 * https://people.maths.ox.ac.uk/gilesm/files/gems_erfinv.pdf
 */
export function truncatedNormal(key: Key, shape: readonly number[]): Tensor {
  const x = uniform(key, shape, -WITHIN_TWO, WITHIN_TWO);
  return mul(erfInverse(x), scalar(Math.SQRT2));
}

/** Highest power first, in `w - 2.5` with `w = -ln(1 - x^2) < 5`. */
const ERF_INVERSE = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3,
  0.246640727, 1.50140941,
] as const;

/** Inverse error function for `|x| < 0.9966`. */
function erfInverse(x: Tensor): Tensor {
  const w = sub(neg(log(sub(scalar(1), square(x)))), scalar(2.5));
  const [first, ...rest] = ERF_INVERSE;
  return mul(
    rest.reduce<Tensor>((sum, coefficient) => add(mul(sum, w), scalar(coefficient)), scalar(first)),
    x,
  );
}

function draw(kernel: "PhiloxBits" | "PhiloxUniform" | "PhiloxNormal", key: Key, shape: readonly number[]): Tensor {
  for (const dim of shape) checkSize("every dimension of shape", dim);
  return engine().runKernel(kernel, { key }, { shape: [...shape] }) as Tensor;
}

function checkSize(name: string, size: number): void {
  if (Number.isSafeInteger(size) && size >= 0) return;
  throw new UserError("@latentkit/jit", `${name} must be a nonnegative integer, got ${size}; give the size to draw`);
}

/**
 * `x` as a constant of differentiation: a copy made while tfjs-core's gradient tape is off, so that what is computed from it alone needs no
 * gradient (comparisons, argmax and one-hot have none in tfjs-core).
 */
function detach(x: Tensor): Tensor {
  const { state } = engine();
  const depth = state.gradientDepth;
  state.gradientDepth = 0;
  try {
    return clone(x);
  } finally {
    state.gradientDepth = depth;
  }
}
