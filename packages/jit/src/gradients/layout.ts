import { add, pad, reshape, reverse, slice, slice_util, sum, type Tensor, transpose } from "@tensorflow/tfjs-core";
import { defineGradient } from "./define.js";
import { zeros } from "./shapes.js";

// tfjs-core adds up one slice for each repetition, thousands of nodes for a broadcast bias; this is one sum.
defineGradient("Tile", ["x"], (dy, { x }, { reps }) => ({
  x: () => {
    const repeats = reps as number[];
    if (x.size === 0) return zeros(x.shape);
    const split: number[] = [];
    const axes: number[] = [];
    x.shape.forEach((dim, i) => {
      if ((repeats[i] as number) > 1) axes.push(split.push(repeats[i] as number) - 1);
      if (dim > 1 || repeats[i] === 1) split.push(dim);
    });
    const summed = axes.length > 0 ? sum(reshape(dy, split), axes) : dy;
    return reshape(summed, x.shape);
  },
}));

// `begin` may be a number, for the first axis alone.
defineGradient("Slice", ["x"], (dy, { x }, { begin }) => ({
  x: () => {
    const starts = [begin as number | number[]].flat();
    return pad(
      dy,
      x.shape.map((dim, i): [number, number] => [starts[i] ?? 0, dim - (starts[i] ?? 0) - (dy.shape[i] as number)]),
    );
  },
}));

defineGradient("StridedSlice", ["x"], (dy, { x }, attrs) => ({
  x: () => {
    const { begin, end, strides } = slice_util.sliceInfo(
      x.shape,
      attrs.begin as number[],
      attrs.end as number[],
      attrs.strides as number[],
      attrs.beginMask as number,
      attrs.endMask as number,
      attrs.ellipsisMask as number,
      attrs.newAxisMask as number,
      attrs.shrinkAxisMask as number,
    );
    const taken = slice_util.computeOutShape(begin, end, strides);
    return scatterStrided(reshape(dy, taken), x.shape, begin, strides);
  },
}));

/** Puts `dy` at `begin + stride * i` on every axis of zeros of `shape`. */
function scatterStrided(
  dy: Tensor,
  shape: readonly number[],
  begin: readonly number[],
  strides: readonly number[],
): Tensor {
  if (dy.size === 0) return zeros(shape);
  const backwards = strides.flatMap((stride, axis) => (stride < 0 ? [axis] : []));
  let placed = backwards.length > 0 ? reverse(dy, backwards) : dy;
  const paddings = shape.map((dim, axis): [number, number] => {
    const stride = strides[axis] as number;
    const reach = ((dy.shape[axis] as number) - 1) * stride;
    const first = (begin[axis] as number) + Math.min(0, reach);
    placed = dilate(placed, axis, Math.abs(stride));
    return [first, dim - first - Math.abs(reach) - 1];
  });
  return paddings.some(([before, after]) => before > 0 || after > 0) ? pad(placed, paddings) : placed;
}

/** Inserts `stride - 1` zeros between neighbours along an axis. */
function dilate(t: Tensor, axis: number, stride: number): Tensor {
  const n = t.shape[axis] as number;
  if (stride === 1 || n === 1) return t;
  const split = t.shape.toSpliced(axis + 1, 0, 1);
  const padded = pad(
    reshape(t, split),
    split.map((_, i): [number, number] => [0, i === axis + 1 ? stride - 1 : 0]),
  );
  const merged = reshape(padded, t.shape.with(axis, n * stride));
  return slice(
    merged,
    t.shape.map(() => 0),
    t.shape.with(axis, (n - 1) * stride + 1),
  );
}

defineGradient("DepthToSpace", [], (dy, _inputs, { blockSize }) => ({
  x: () => {
    const block = blockSize as number;
    const [batch, height, width, depth] = dy.shape as [number, number, number, number];
    const blocks = reshape(dy, [batch, height / block, block, width / block, block, depth]);
    return reshape(transpose(blocks, [0, 1, 3, 2, 4, 5]), [
      batch,
      height / block,
      width / block,
      block * block * depth,
    ]);
  },
}));

// tfjs-core drops what the mirrored borders contribute.
defineGradient("MirrorPad", ["x"], (dy, { x }, { paddings, mode }) => ({
  x: () => {
    const edge = mode === "reflect" ? 1 : 0;
    return (paddings as [number, number][]).reduce(
      (grad, [before, after], axis) => foldMirror(grad, axis, before, after, x.shape[axis] as number, edge),
      dy,
    );
  },
}));

/** Adds the mirrored borders of one axis to the elements they were copied from. */
function foldMirror(dy: Tensor, axis: number, before: number, after: number, n: number, edge: number): Tensor {
  const part = (start: number, size: number): Tensor =>
    slice(
      dy,
      dy.shape.map((_, i) => (i === axis ? start : 0)),
      dy.shape.with(axis, size),
    );
  const place = (t: Tensor, start: number): Tensor =>
    pad(
      reverse(t, axis),
      dy.shape.map((_, i): [number, number] => (i === axis ? [start, n - start - (t.shape[axis] as number)] : [0, 0])),
    );
  let folded = part(before, n);
  if (before > 0) folded = add(folded, place(part(0, before), edge));
  if (after > 0) folded = add(folded, place(part(before + n, after), n - after - edge));
  return folded;
}
