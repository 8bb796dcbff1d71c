import {
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  logicalAnd,
  mul,
  neg,
  onesLike,
  pow,
  rsqrt,
  square,
  sub,
  type Tensor,
  where,
} from "@tensorflow/tfjs-core";
import { defineGradient } from "./define.js";
import { sumTo, zeros } from "./shapes.js";

/** `dy` where the mask holds, 0 elsewhere; unlike a product it does not turn an infinite `dy` into NaN. */
function masked(mask: Tensor, dy: Tensor): Tensor {
  return where(mask, dy, zeros(dy.shape));
}

// tfjs-core forgets to sum the gradients of these three over broadcast dimensions.
defineGradient("Maximum", ["a", "b"], (dy, { a, b }) => ({
  a: () => sumTo(masked(greaterEqual(a, b), dy), a.shape),
  b: () => sumTo(masked(less(a, b), dy), b.shape),
}));
defineGradient("Minimum", ["a", "b"], (dy, { a, b }) => ({
  a: () => sumTo(masked(lessEqual(a, b), dy), a.shape),
  b: () => sumTo(masked(greater(a, b), dy), b.shape),
}));
defineGradient("SquaredDifference", ["a", "b"], (dy, { a, b }) => {
  const slope = () => mul(dy, mul(sub(a, b), 2));
  return { a: () => sumTo(slope(), a.shape), b: () => sumTo(neg(slope()), b.shape) };
});

defineGradient("Select", ["condition"], (dy, { condition }) => ({
  condition: () => zeros(condition.shape),
  t: () => masked(condition, dy),
  e: () => where(condition, zeros(dy.shape), dy),
}));

defineGradient("ClipByValue", ["x"], (dy, { x }, { clipValueMin, clipValueMax }) => ({
  x: () => masked(logicalAnd(greaterEqual(x, clipValueMin as number), lessEqual(x, clipValueMax as number)), dy),
}));

// A cast to int32 or bool is a staircase: its gradient is 0, where tfjs-core passes dy through.
defineGradient("Cast", [], (dy, _inputs, { dtype }) => ({
  x: () => (dtype === "float32" ? dy.clone() : zeros(dy.shape)),
}));

defineGradient("Rsqrt", ["x"], (dy, { x }) => ({
  x: () => {
    const y = rsqrt(x);
    return mul(dy, mul(mul(y, square(y)), -0.5));
  },
}));

defineGradient("Pow", ["a", "b"], (dy, { a, b }) => ({
  a: () => sumTo(mul(dy, mul(b, pow(a, sub(b, 1)))), a.shape),
  b: () => {
    const positive = greater(a, 0);
    const logA = masked(positive, log(where(positive, a, onesLike(a))));
    return sumTo(mul(dy, mul(pow(a, b), logA)), b.shape);
  },
}));
