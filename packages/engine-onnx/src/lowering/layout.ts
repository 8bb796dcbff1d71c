import { axesOf, fromFront, product, range } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { registerLowering } from "./registry.js";

registerLowering("Identity", (_, { input }) => input("x"));
registerLowering("Reshape", (b, { input, out }) => b.reshape(input("x"), out().shape));
registerLowering("ExpandDims", (b, { input, out }) => b.reshape(input("input"), out().shape));
registerLowering("Transpose", (b, { input, attr }) => b.transpose(input("x"), attr<number[]>("perm")));

registerLowering("Tile", (b, { input, attr, out }) => {
  const x = input("x");
  const reps = attr<number[]>("reps");
  if (reps.every((n) => n === 1)) return x;
  if (reps.every((n, i) => n === 1 || x.shape[i] === 1)) return b.expand(x, out().shape);
  return b.op("Tile", [x, b.ints(reps)], out().shape, x.type);
});

registerLowering("Reverse", (b, { input, attr }) => {
  const x = input("x");
  const axes = axesOf(attr<number | number[] | undefined>("dims"), x.shape.length);
  return reverse(b, x, axes);
});

/** x backwards along some axes. */
export function reverse(b: OnnxBuilder, x: OnnxValue, axes: readonly number[]): OnnxValue {
  const turned = axes.filter((axis) => (x.shape[axis] as number) > 1);
  if (turned.length === 0) return x;
  const starts = turned.map((axis) => (x.shape[axis] as number) - 1);
  const ends = turned.map(() => Number.NEGATIVE_INFINITY);
  return b.slice(
    x,
    starts,
    ends,
    turned,
    turned.map(() => -1),
  );
}

registerLowering("PadV2", (b, { input, attr }) => {
  const paddings = attr<[number, number][]>("paddings");
  const [before, after] = [paddings.map(([n]) => n), paddings.map(([, n]) => n)];
  return b.pad(input("x"), before, after, "constant", attr<number>("constantValue") ?? 0);
});

registerLowering("MirrorPad", (b, { input, attr }) => {
  const paddings = attr<[number, number][]>("paddings");
  const x = input("x");
  if (attr<string>("mode") === "reflect") {
    return b.pad(
      x,
      paddings.map(([n]) => n),
      paddings.map(([, n]) => n),
      "reflect",
    );
  }
  return paddings.reduce((y, [before, after], axis) => symmetricPad(b, y, axis, before, after), x);
});

/** Adds mirrored elements, the border's own included. */
function symmetricPad(b: OnnxBuilder, x: OnnxValue, axis: number, before: number, after: number): OnnxValue {
  const n = x.shape[axis] as number;
  const head = before > 0 ? [reverse(b, b.slice(x, [0], [before], [axis]), [axis])] : [];
  const tail = after > 0 ? [reverse(b, b.slice(x, [n - after], [n], [axis]), [axis])] : [];
  return b.concat([...head, x, ...tail], axis);
}

registerLowering("Slice", (b, { input, attr, out }) => {
  const x = input("x");
  const begin = attr<number | number[]>("begin");
  const starts = range(x.shape.length).map((i) =>
    typeof begin === "number" ? (i === 0 ? begin : 0) : (begin[i] ?? 0),
  );
  const ends = starts.map((start, i) => start + (out().shape[i] as number));
  return b.slice(x, starts, ends, range(x.shape.length));
});

registerLowering("Concat", (b, { list, attr, out }) => {
  const axis = fromFront(attr<number>("axis"), out().shape.length);
  const parts = list().filter((part) => product(part.shape) > 0);
  return parts.length === 0 ? b.filled(0, out().shape, out().dtype) : b.concat(parts, axis);
});

registerLowering("Pack", (b, { list, attr, out }) => {
  const axis = fromFront(attr<number>("axis"), out().shape.length);
  const row = out().shape.map((dim, i) => (i === axis ? 1 : dim));
  return b.concat(
    list().map((part) => b.reshape(part, row)),
    axis,
  );
});

registerLowering("Unpack", (b, { input, attr, node, out }) => {
  const x = input("value");
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  const parts = b.split(
    x,
    node.outputs.map(() => 1),
    axis,
  );
  return parts.map((part) => b.reshape(part, out().shape));
});

registerLowering("SplitV", (b, { input, attr, node, out }) => {
  const x = input("x");
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  const sizes = node.outputs.map((_, i) => out(i).shape[axis] as number);
  return b.split(x, sizes, axis);
});

registerLowering("SpaceToBatchND", (b, { input, attr, out }) => {
  const block = attr<number[]>("blockShape");
  const paddings = attr<[number, number][]>("paddings");
  const x = input("x");
  const around = (side: 0 | 1) => x.shape.map((_, i) => paddings[i - 1]?.[side] ?? 0);
  const padded = b.pad(x, around(0), around(1));
  const m = block.length;
  const [batch, ...space] = padded.shape as [number, ...number[]];
  const tiles = block.flatMap((size, i) => [(space[i] as number) / size, size]);
  const split = b.reshape(padded, [batch, ...tiles, ...space.slice(m)]);
  const rest = range(space.length - m).map((i) => 1 + 2 * m + i);
  const perm = [...block.map((_, i) => 2 + 2 * i), 0, ...block.map((_, i) => 1 + 2 * i), ...rest];
  return b.reshape(b.transpose(split, perm), out().shape);
});

registerLowering("BatchToSpaceND", (b, { input, attr }) => {
  const block = attr<number[]>("blockShape");
  const crops = attr<number[][]>("crops");
  const x = input("x");
  const m = block.length;
  const [batch, ...space] = x.shape as [number, ...number[]];
  const split = b.reshape(x, [...block, batch / product(block), ...space]);
  const rest = range(space.length - m).map((i) => 1 + 2 * m + i);
  const perm = [m, ...block.flatMap((_, i) => [m + 1 + i, i]), ...rest];
  const grown = space.map((dim, i) => dim * (block[i] ?? 1));
  const whole = b.reshape(b.transpose(split, perm), [batch / product(block), ...grown]);
  const axes = block.map((_, i) => i + 1);
  const starts = axes.map((axis) => crops[axis - 1]?.[0] ?? 0);
  const ends = axes.map((axis) => (whole.shape[axis] as number) - (crops[axis - 1]?.[1] ?? 0));
  return b.slice(whole, starts, ends, axes);
});

/** Channels of a block of pixels side by side become the pixels: NHWC, depth order (row, column, channel). */
registerLowering("DepthToSpace", (b, { input, attr, out }) => {
  const x = input("x");
  const block = attr<number>("blockSize");
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const split = b.reshape(x, [n, h, w, block, block, c / (block * block)]);
  return b.reshape(b.transpose(split, [0, 1, 3, 2, 4, 5]), out().shape);
});
