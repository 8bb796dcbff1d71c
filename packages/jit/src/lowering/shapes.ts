import { range } from "./axes.js";

/** A shape that was checked when the graph was traced. */
type Shape = readonly number[];

/** The shape of two values that broadcast. */
export function broadcastShape(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return range(rank).map((i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    return x === 1 ? y : x;
  });
}

/** The shape of parts put behind each other along an axis. */
export function concatShape(parts: readonly { readonly shape: Shape }[], axis: number): number[] {
  const size = parts.reduce((n, { shape }) => n + (shape[axis] as number), 0);
  const [first] = parts as [{ readonly shape: Shape }];
  return first.shape.map((dim, i) => (i === axis ? size : dim));
}

/** The shapes of parts of the given sizes along an axis. */
export function splitShapes(shape: Shape, sizes: readonly number[], axis: number): number[][] {
  return sizes.map((size) => shape.map((dim, i) => (i === axis ? size : dim)));
}

/** A shape with elements added before and after along every axis. */
export function paddedShape(shape: Shape, before: Shape, after: Shape): number[] {
  return shape.map((dim, i) => dim + (before[i] as number) + (after[i] as number));
}

/** A shape without the axes that were reduced, or with size 1 there. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  return shape.flatMap((dim, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [dim]));
}

/** The shape of what indices pick along an axis; the first `batchDims` axes of both are the same. */
export function gatheredShape(shape: Shape, indices: Shape, axis: number, batchDims = 0): number[] {
  return [...shape.slice(0, axis), ...indices.slice(batchDims), ...shape.slice(axis + 1)];
}
