import { fromFront, product, range } from "@latentkit/jit/lowering";
import { TensorFlowError } from "../native/tensorflow.js";
import type { GraphBuilder, TfValue } from "./builder.js";
import { type Call, registerLowering } from "./registry.js";
import { FINISHED } from "./update-in-place.js";

/** The value itself where a library is too old for the operation: it only asks for an order. */
registerLowering(FINISHED, (b, { input, out }) => {
  const x = input("x");
  try {
    return b.op("XlaOptimizationBarrier", [[x]], out().shape, out().dtype);
  } catch (error) {
    if (error instanceof TensorFlowError) return x;
    throw error;
  }
});
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
  return reverse(b, x, b.axes(x, attr<number | number[] | undefined>("dims")));
});

/** x backwards along some axes. */
function reverse(b: GraphBuilder, x: TfValue, axes: readonly number[]): TfValue {
  const turned = axes.filter((axis) => (x.shape[axis] as number) > 1);
  return turned.length === 0 ? x : b.op("ReverseV2", [x, b.ints(turned)], x.shape, x.type);
}

registerLowering("PadV2", (b, { input, attr }) => {
  const paddings = attr<[number, number][]>("paddings");
  const [before, after] = [paddings.map(([n]) => n), paddings.map(([, n]) => n)];
  return b.pad(input("x"), before, after, attr<number>("constantValue") ?? 0);
});

registerLowering("MirrorPad", (b, { input, attr, out }) => {
  const paddings = attr<[number, number][]>("paddings");
  const amounts = b.constant(paddings.flat(), [paddings.length, 2], "int32");
  const mode = attr<string>("mode") === "reflect" ? "REFLECT" : "SYMMETRIC";
  return b.op("MirrorPad", [input("x"), amounts], out().shape, input("x").type, { mode });
});

registerLowering("Slice", (b, { input, attr, out }) => {
  const x = input("x");
  const begin = attr<number | number[]>("begin");
  const starts = range(x.shape.length).map((i) =>
    typeof begin === "number" ? (i === 0 ? begin : 0) : (begin[i] ?? 0),
  );
  return b.slice(x, starts, out().shape);
});

registerLowering("Concat", (b, { list, attr, out }) => {
  const axis = fromFront(attr<number>("axis"), out().shape.length);
  const parts = list().filter((part) => product(part.shape) > 0);
  return parts.length === 0 ? b.filled(0, out().shape, out().dtype) : b.concat(parts, axis);
});

registerLowering("Pack", (b, { list, attr, out }) => {
  const axis = fromFront(attr<number>("axis"), out().shape.length);
  return b.op("Pack", [list()], out().shape, out().dtype, { axis: { int: axis } });
});

registerLowering("Unpack", (b, call) => {
  const { input, attr, node } = call;
  const x = input("value");
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  const attributes = { num: { int: node.outputs.length }, axis: { int: axis } };
  return b.multi("Unpack", [x], outputsOf(call), attributes);
});

registerLowering("SplitV", (b, call) => {
  const { input, attr, node, out } = call;
  const x = input("x");
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  const sizes = node.outputs.map((_, i) => out(i).shape[axis] as number);
  const inputs = [x, b.ints(sizes), b.scalar(axis, "int32")];
  return b.multi("SplitV", inputs, outputsOf(call), { num_split: { int: sizes.length } });
});

function outputsOf({ node, out }: Call) {
  return node.outputs.map((_, i) => ({ shape: out(i).shape, type: out(i).dtype }));
}

for (const [kernel, op, amounts] of [
  ["SpaceToBatchND", "SpaceToBatchND", "paddings"],
  ["BatchToSpaceND", "BatchToSpaceND", "crops"],
] as const) {
  registerLowering(kernel, (b, { input, attr, out }) => {
    const block = attr<number[]>("blockShape");
    const edges = b.constant(attr<number[][]>(amounts).flat(), [block.length, 2], "int32");
    return b.op(op, [input("x"), b.ints(block), edges], out().shape, out().dtype);
  });
}

registerLowering("DepthToSpace", (b, { input, attr, out }) =>
  b.op("DepthToSpace", [input("x")], out().shape, out().dtype, { block_size: { int: attr<number>("blockSize") } }),
);
