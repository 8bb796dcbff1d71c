import type { DType } from "@latentkit/jit";
import { fromFront, numeric, scattered } from "@latentkit/jit/lowering";
import { registerLowering } from "./registry.js";

registerLowering("StridedSlice", (b, { input, attr, out }) => {
  const x = input("x");
  const masks = Object.entries({
    begin_mask: "beginMask",
    end_mask: "endMask",
    ellipsis_mask: "ellipsisMask",
    new_axis_mask: "newAxisMask",
    shrink_axis_mask: "shrinkAxisMask",
  }).map(([name, ours]) => [name, { int: attr<number | undefined>(ours) ?? 0 }] as const);
  const inputs = [x, ...["begin", "end", "strides"].map((name) => b.ints(attr<number[]>(name)))];
  return b.op("StridedSlice", inputs, out().shape, x.type, Object.fromEntries(masks));
});

registerLowering("GatherV2", (b, { input, attr }) => {
  const [x, indices] = [input("x"), input("indices")];
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  return b.gather(x, indices, axis, fromFront(attr<number>("batchDims") ?? 0, indices.shape.length));
});

registerLowering("GatherNd", (b, { input, out }) =>
  b.op("GatherNd", [input("params"), input("indices")], out().shape, out().dtype),
);

registerLowering("ScatterNd", (b, { input, out }) => {
  const { shape, dtype } = out();
  const { rows, values } = scattered(b, input("indices"), numeric(b, input("updates")), shape);
  return b.cast(b.op("ScatterNd", [rows, values, b.ints(shape)], shape, values.type), dtype);
});

registerLowering("TensorScatterUpdate", (b, { input, out }) => {
  const { shape, dtype } = out();
  const { rows, values } = scattered(b, input("indices"), input("updates"), shape);
  return b.op("TensorScatterUpdate", [input("tensor"), rows, values], shape, dtype);
});

/** Rows of indices outside `[0, depth)` are all off. */
registerLowering("OneHot", (b, { input, attr, out }) => {
  const { shape, dtype } = out();
  const type: DType = dtype === "bool" ? "int32" : dtype;
  const [on, off] = [b.scalar(attr<number>("onValue") ?? 1, type), b.scalar(attr<number>("offValue") ?? 0, type)];
  const depth = b.scalar(attr<number>("depth"), "int32");
  return b.cast(b.op("OneHot", [input("indices"), depth, on, off], shape, type, { axis: { int: -1 } }), dtype);
});

registerLowering("Diag", (b, { input, out }) => {
  const x = numeric(b, input("x"));
  return b.cast(b.op("Diag", [x], out().shape, x.type), out().dtype);
});
