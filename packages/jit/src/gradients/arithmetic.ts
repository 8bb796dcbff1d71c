import {
  add,
  clone,
  cos,
  cosh,
  div,
  exp,
  floor,
  mul,
  neg,
  reciprocal,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  sub,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { defineGradient, defineListGradient } from "./define.js";
import { sumTo } from "./shapes.js";

// tfjs-core's entry points register no gradients, in Node as little as in a bundle: those of plain arithmetic stand here.

defineGradient("Add", ["a", "b"], (dy, { a, b }) => ({ a: () => sumTo(dy, a.shape), b: () => sumTo(dy, b.shape) }));
defineGradient("Sub", ["a", "b"], (dy, { a, b }) => ({
  a: () => sumTo(dy, a.shape),
  b: () => sumTo(neg(dy), b.shape),
}));
defineGradient("Multiply", ["a", "b"], (dy, { a, b }) => ({
  a: () => sumTo(mul(dy, b), a.shape),
  b: () => sumTo(mul(dy, a), b.shape),
}));
defineGradient("RealDiv", ["a", "b"], (dy, { a, b }) => ({
  a: () => sumTo(div(dy, b), a.shape),
  b: () => sumTo(neg(div(mul(dy, a), square(b))), b.shape),
}));
defineGradient("Mod", ["a", "b"], (dy, { a, b }) => ({
  a: () => sumTo(dy, a.shape),
  b: () => sumTo(neg(mul(dy, floor(div(a, b)))), b.shape),
}));
defineGradient("Atan2", ["a", "b"], (dy, { a, b }) => {
  const norm = () => add(square(a), square(b));
  return {
    a: () => sumTo(mul(dy, div(b, norm())), a.shape),
    b: () => sumTo(neg(mul(dy, div(a, norm()))), b.shape),
  };
});
defineListGradient("AddN", (dy, terms) => Object.fromEntries(terms.map((_, i) => [i, () => clone(dy)])));

/** Derivatives of functions of one variable, from the input. */
const DERIVATIVES: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  Abs: (x) => sign(x),
  Acos: (x) => neg(reciprocal(sqrt(sub(1, square(x))))),
  Acosh: (x) => reciprocal(sqrt(sub(square(x), 1))),
  Asin: (x) => reciprocal(sqrt(sub(1, square(x)))),
  Asinh: (x) => reciprocal(sqrt(add(1, square(x)))),
  Atan: (x) => reciprocal(add(1, square(x))),
  Atanh: (x) => reciprocal(sub(1, square(x))),
  Cos: (x) => neg(sin(x)),
  Cosh: (x) => sinh(x),
  Erf: (x) => mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI)),
  Expm1: (x) => exp(x),
  Log: (x) => reciprocal(x),
  Log1p: (x) => reciprocal(add(1, x)),
  Reciprocal: (x) => neg(reciprocal(square(x))),
  Sin: (x) => cos(x),
  Sinh: (x) => cosh(x),
  Softplus: (x) => sigmoid(x),
  Sqrt: (x) => mul(reciprocal(sqrt(x)), 0.5),
  Square: (x) => mul(x, 2),
  Tan: (x) => reciprocal(square(cos(x))),
};
for (const [kernel, derivative] of Object.entries(DERIVATIVES)) {
  defineGradient(kernel, ["x"], (dy, { x }) => ({ x: () => mul(dy, derivative(x)) }));
}
defineGradient("Neg", [], (dy) => ({ x: () => neg(dy) }));
defineGradient("Identity", [], (dy) => ({ x: () => clone(dy) }));
