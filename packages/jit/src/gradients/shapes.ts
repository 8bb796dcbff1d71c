import { backend_util, broadcastTo, fill, reshape, sum, type Tensor, transpose, util } from "@tensorflow/tfjs-core";

/** Zeros in float32: the gradient of what does not change. */
export function zeros(shape: readonly number[]): Tensor {
  return fill([...shape], 0, "float32");
}

/** The gradient of broadcasting: sums `t` down to `shape`. */
export function sumTo(t: Tensor, shape: readonly number[]): Tensor {
  if (util.arraysEqual(t.shape, [...shape])) return t;
  const axes = backend_util.getReductionAxes([...shape], t.shape);
  return reshape(axes.length > 0 ? sum(t, axes) : t, [...shape]);
}

/** Spreads the result of a reduction over `axes` back over `shape`. */
export function spread(reduced: Tensor, shape: readonly number[], axes: readonly number[]): Tensor {
  const kept = keptShape(shape, axes);
  return broadcastTo(reshape(reduced, kept), [...shape]);
}

/** `shape` with the reduced axes as 1. */
export function keptShape(shape: readonly number[], axes: readonly number[]): number[] {
  return shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
}

/** Runs `f` on `x` with `axis` moved to the end, and moves it back in the result. */
export function alongLast(x: Tensor, axis: number, f: (x: Tensor) => Tensor): Tensor {
  const perm = backend_util.getAxesPermutation([axis], x.rank);
  if (perm === null) return f(x);
  return transpose(f(transpose(x, perm)), backend_util.getUndoAxesPermutation(perm));
}
