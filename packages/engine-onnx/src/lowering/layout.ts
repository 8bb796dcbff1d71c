import { fromFront, product, range } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { registerLowering } from "./registry.js";

registerLowering("MirrorPad", (b, { input, attr }) => {
  const paddings = attr<[number, number][]>("paddings");
  const x = input("x");
  if (attr<string>("mode") === "reflect") {
    return b.pad(
      x,
      paddings.map(([n]) => n),
      paddings.map(([, n]) => n),
      0,
      "reflect",
    );
  }
  return paddings.reduce((y, [before, after], axis) => symmetricPad(b, y, axis, before, after), x);
});

/** Adds mirrored elements, the border's own included. */
function symmetricPad(b: OnnxBuilder, x: OnnxValue, axis: number, before: number, after: number): OnnxValue {
  const n = x.shape[axis] as number;
  const head = before > 0 ? [b.reverse(b.ranges(x, [0], [before], [axis]), [axis])] : [];
  const tail = after > 0 ? [b.reverse(b.ranges(x, [n - after], [n], [axis]), [axis])] : [];
  return b.concat([...head, x, ...tail], axis);
}

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
  return b.ranges(whole, starts, ends, axes);
});

/** Channels of a block of pixels side by side become the pixels: NHWC, depth order (row, column, channel). */
registerLowering("DepthToSpace", (b, { input, attr, out }) => {
  const x = input("x");
  const block = attr<number>("blockSize");
  const [n, h, w, c] = x.shape as [number, number, number, number];
  const split = b.reshape(x, [n, h, w, block, block, c / (block * block)]);
  return b.reshape(b.transpose(split, [0, 1, 3, 2, 4, 5]), out().shape);
});
