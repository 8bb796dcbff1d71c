import { fromFront } from "@latentkit/jit/lowering";
import { TensorFlowError } from "../native/tensorflow.js";
import { registerLowering } from "./registry.js";
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

registerLowering("MirrorPad", (b, { input, attr, out }) => {
  const paddings = attr<[number, number][]>("paddings");
  const amounts = b.constant(paddings.flat(), [paddings.length, 2], "int32");
  const mode = attr<string>("mode") === "reflect" ? "REFLECT" : "SYMMETRIC";
  return b.op("MirrorPad", [input("x"), amounts], out().shape, input("x").type, { mode });
});

registerLowering("Pack", (b, { list, attr, out }) => {
  const axis = fromFront(attr<number>("axis"), out().shape.length);
  return b.op("Pack", [list()], out().shape, out().dtype, { axis: { int: axis } });
});

registerLowering("Unpack", (b, { input, attr, node, out }) => {
  const x = input("value");
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  const specs = node.outputs.map((_, i) => ({ shape: out(i).shape, type: out(i).dtype }));
  return b.multi("Unpack", [x], specs, { num: { int: specs.length }, axis: { int: axis } });
});

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
