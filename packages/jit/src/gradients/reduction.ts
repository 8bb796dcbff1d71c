import {
  backend_util,
  cast,
  cumprod,
  cumsum,
  div,
  equal,
  expandDims,
  mul,
  onesLike,
  pad,
  reshape,
  reverse,
  scatterND,
  slice,
  stack,
  sum,
  type Tensor,
  tensor2d,
  transpose,
  util,
  where,
} from "@tensorflow/tfjs-core";
import { defineGradient, defineGradientWithOutputs } from "./define.js";
import { alongLast, keptShape, spread } from "./shapes.js";

const axesOf = (axis: unknown, shape: readonly number[]): number[] => util.parseAxisParam(axis as number[], [...shape]);

defineGradient("Sum", ["x"], (dy, { x }, { axis }) => ({ x: () => spread(dy, x.shape, axesOf(axis, x.shape)) }));

defineGradient("Mean", ["x"], (dy, { x }, { axis }) => ({
  x: () => spread(div(dy, x.size / dy.size), x.shape, axesOf(axis, x.shape)),
}));

for (const [kernel, axisName] of [
  ["Max", "reductionIndices"],
  ["Min", "axis"],
] as const) {
  // Every element that equals the extremum receives the whole gradient, as in tfjs-core.
  defineGradientWithOutputs(kernel, ["x"], [true], ([dy], [x, y], attrs) => ({
    x: () => {
      const { shape } = x as Tensor;
      const kept = keptShape(shape, axesOf(attrs[axisName], shape));
      return mul(reshape(dy as Tensor, kept), cast(equal(x as Tensor, reshape(y as Tensor, kept)), "float32"));
    },
  }));
}

defineGradient("Cumsum", ["x"], (dy, _inputs, { axis, exclusive, reverse: backwards }) => ({
  x: () => cumsum(dy, axis as number, exclusive as boolean, !backwards),
}));

/** Products of all other elements along the last axis; right when some are zero. */
const productOfOthers = (x: Tensor): Tensor =>
  mul(cumprod(x, x.rank - 1, true, false), cumprod(x, x.rank - 1, true, true));

defineGradient("Prod", ["x"], (dy, { x }, { axis }) => ({
  x: () => {
    const axes = axesOf(axis, x.shape);
    const perm = backend_util.getAxesPermutation(axes, x.rank);
    const moved = perm === null ? x : transpose(x, perm);
    const rows = reshape(moved, [x.size / axes.reduce((n, i) => n * (x.shape[i] as number), 1), -1]);
    const others = reshape(productOfOthers(rows), moved.shape);
    const back = perm === null ? others : transpose(others, backend_util.getUndoAxesPermutation(perm));
    return mul(reshape(dy, keptShape(x.shape, axes)), back);
  },
}));

defineGradient("Cumprod", ["x"], (dy, { x }, { axis, exclusive, reverse: backwards }) => ({
  x: () => {
    const at = axesOf(axis, x.shape)[0] as number;
    const turn = (t: Tensor): Tensor => (backwards ? reverse(t, at) : t);
    const dyAlong = stackAlong(turn(dy), at);
    return turn(alongLast(turn(x), at, (t) => cumprodGradient(t, exclusive ? dropFirst(dyAlong) : dyAlong)));
  },
}));

/** `t` with `axis` moved to the end. */
function stackAlong(t: Tensor, axis: number): Tensor {
  const perm = backend_util.getAxesPermutation([axis], t.rank);
  return perm === null ? t : transpose(t, perm);
}

/** Shifts the last axis left by one and fills with 0: an exclusive product's gradient as that of the inclusive one. */
function dropFirst(dy: Tensor): Tensor {
  const last = dy.rank - 1;
  const begin = dy.shape.map((_, i) => (i === last ? 1 : 0));
  const paddings = dy.shape.map((_, i): [number, number] => [0, i === last ? 1 : 0]);
  return pad(slice(dy, begin), paddings);
}

/**
 * Gradient of an inclusive product over the last axis: dx_k = prod_{j<k} x_j * sum_{i>=k} dy_i prod_{k<j<=i} x_j. Quadratic in the length of the
 * axis, exact when elements are zero (dividing the products by x_k is not), and differentiable again.
 */
function cumprodGradient(x: Tensor, dy: Tensor): Tensor {
  const n = x.shape[x.rank - 1] as number;
  const above = upperTriangle(n, 1);
  const factors = where(above, expandDims(x, -2), onesLike(expandDims(x, -2)));
  const tails = mul(cumprod(factors, factors.rank - 1), cast(upperTriangle(n, 0), "float32"));
  return mul(cumprod(x, x.rank - 1, true), sum(mul(tails, expandDims(dy, -2)), -1));
}

function upperTriangle(n: number, diagonal: number): Tensor {
  const values = Array.from({ length: n * n }, (_, i) => (i % n) - Math.floor(i / n) >= diagonal);
  return tensor2d(values, [n, n], "bool");
}

defineGradientWithOutputs("TopK", ["x"], [false, true], ([dyValues], [x, indices]) => ({
  x: () => {
    const { shape, size } = x as Tensor;
    const n = shape[shape.length - 1] as number;
    const k = (indices as Tensor).shape[shape.length - 1] as number;
    const rows = size / n;
    const row = tensor2d(
      Int32Array.from({ length: rows * k }, (_, i) => Math.floor(i / k)),
      [rows * k, 1],
      "int32",
    );
    const at = stack([reshape(row, [-1]), reshape(indices as Tensor, [-1])], 1);
    return reshape(scatterND(at as Tensor, reshape(dyValues as Tensor, [-1]), [rows, n]), shape);
  },
}));
