import { fromFront, product, range, scattered } from "@latentkit/jit/lowering";
import { slice_util } from "@tensorflow/tfjs-core";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { registerLowering } from "./registry.js";

registerLowering("StridedSlice", (b, { input, attr, out }) => {
  const x = input("x");
  const info = slice_util.sliceInfo(
    [...x.shape],
    attr("begin"),
    attr("end"),
    attr("strides"),
    attr("beginMask"),
    attr("endMask"),
    attr("ellipsisMask"),
    attr("newAxisMask"),
    attr("shrinkAxisMask"),
  );
  if (product(out().shape) === 0) return b.filled(0, out().shape, out().dtype);
  const axes = range(info.begin.length);
  const ends = info.end.map((end, i) => ((info.strides[i] as number) < 0 && end < 0 ? Number.NEGATIVE_INFINITY : end));
  return b.reshape(b.ranges(x, info.begin, ends, axes, info.strides), out().shape);
});

registerLowering("GatherV2", (b, { input, attr, out }) => {
  const x = input("x");
  const indices = input("indices");
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  const batchDims = fromFront(attr<number>("batchDims") ?? 0, indices.shape.length);
  if (batchDims === 0) return b.gather(x, indices, axis);
  return b.reshape(batchedGather(b, x, indices, axis, batchDims), out().shape);
});

/** Every row of the leading axes has indices of its own: the rows become one long axis and the indices count along it. */
function batchedGather(b: OnnxBuilder, x: OnnxValue, indices: OnnxValue, axis: number, batchDims: number): OnnxValue {
  const batch = product(x.shape.slice(0, batchDims));
  const outer = product(x.shape.slice(batchDims, axis));
  const size = x.shape[axis] as number;
  const inner = product(x.shape.slice(axis + 1));
  const count = product(indices.shape) / batch;
  const rows = b.reshape(x, [batch * outer * size, inner]);
  const offset = b.constant(
    range(batch * outer).map((i) => i * size),
    [batch, outer, 1],
    "int32",
  );
  return b.gather(rows, b.add(b.reshape(indices, [batch, 1, count]), offset), 0);
}

registerLowering("GatherNd", (b, { input, out }) =>
  b.op("GatherND", [input("params"), b.cast(input("indices"), "int64")], out().shape, out().dtype),
);

registerLowering("ScatterNd", (b, { input, out }) => {
  const { shape, dtype } = out();
  const type = dtype === "bool" ? "int32" : dtype;
  const indices = b.cast(input("indices"), "int64");
  const { rows, values } = scattered(b, indices, b.cast(input("updates"), type), shape);
  const sum = b.op("ScatterND", [b.filled(0, shape, type), rows, values], shape, type, {
    attributes: { reduction: "add" },
  });
  return b.cast(sum, dtype);
});

registerLowering("TensorScatterUpdate", (b, { input, out }) => {
  const { shape, dtype } = out();
  const { rows, values } = scattered(b, b.cast(input("indices"), "int64"), input("updates"), shape);
  return b.op("ScatterND", [input("tensor"), rows, values], shape, dtype);
});

/** Rows of indices outside `[0, depth)` are all off. */
registerLowering("OneHot", (b, { input, attr, out }) => {
  const hot = oneHot(b, input("indices"), attr<number>("depth"));
  const { dtype } = out();
  const [on, off] = [attr<number>("onValue") ?? 1, attr<number>("offValue") ?? 0];
  if (on === 1 && off === 0) return b.cast(hot, dtype);
  const type = dtype === "bool" ? "int32" : dtype;
  return b.cast(b.where(hot, b.scalar(on, type), b.scalar(off, type)), dtype);
});

/** Bool, shape `(…indices, depth)`. */
export function oneHot(b: OnnxBuilder, indices: OnnxValue, depth: number): OnnxValue {
  const classes = b.constant(range(depth), [depth], "int32");
  return b.binary("Equal", b.reshape(indices, [...indices.shape, 1]), classes, "bool");
}

registerLowering("Diag", (b, { input, out }) => {
  const x = input("x");
  const n = product(x.shape);
  const flat = b.reshape(x, [n, 1]);
  const indices = b.constant(
    range(n).flatMap((i) => [i, i]),
    [n, 2],
    "int64",
  );
  const type = x.type === "bool" ? "int32" : x.type;
  const square = b.op(
    "ScatterND",
    [b.filled(0, [n, n], type), indices, b.reshape(b.cast(flat, type), [n])],
    [n, n],
    type,
  );
  return b.reshape(b.cast(square, x.type), out().shape);
});
