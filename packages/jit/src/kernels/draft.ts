import { backend_util, util } from "@tensorflow/tfjs-core";
import type { TensorSpec } from "../host-tensor.js";
import { registerInference } from "./symbolic.js";
const R = registerInference as any;
const unary = [
  "Abs",
  "Exp",
  "Log",
  "Log1p",
  "Expm1",
  "Relu",
  "Relu6",
  "Sigmoid",
  "Tanh",
  "Sqrt",
  "Rsqrt",
  "Neg",
  "Square",
  "Softplus",
  "Erf",
  "Sin",
  "Cos",
  "Sign",
  "Step",
  "Reciprocal",
  "ClipByValue",
  "Identity",
  "ZerosLike",
  "OnesLike",
  "Reverse",
  "Softmax",
  "LogSoftmax",
  "Cumsum",
  "Floor",
  "Ceil",
  "Round",
  "LeakyRelu",
  "Elu",
];
for (const k of unary)
  R(k, (i: any) => {
    const t: TensorSpec = i.x ?? i.logits;
    return { shape: t.shape, dtype: t.dtype };
  });
for (const k of ["IsNan", "IsFinite", "IsInf", "LogicalNot"]) R(k, ({ x }: any) => ({ shape: x.shape, dtype: "bool" }));
const bc = (a: any, b: any) => backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
const up = (a: string, b: string) =>
  a === "float32" || b === "float32" ? "float32" : a === "int32" || b === "int32" ? "int32" : "bool";
for (const k of [
  "Add",
  "Sub",
  "Multiply",
  "RealDiv",
  "Maximum",
  "Minimum",
  "Pow",
  "Mod",
  "FloorDiv",
  "SquaredDifference",
])
  R(k, ({ a, b }: any) => ({ shape: bc(a, b), dtype: up(a.dtype, b.dtype) }));
for (const k of ["Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "LogicalAnd", "LogicalOr"])
  R(k, ({ a, b }: any) => ({ shape: bc(a, b), dtype: "bool" }));
R("Cast", ({ x }: any, { dtype }: any) => ({ shape: x.shape, dtype }));
R("Fill", (_: any, { shape, dtype, value }: any) => ({ shape, dtype: dtype ?? util.inferDtype(value) }));
R("Reshape", ({ x }: any, { shape }: any) => ({
  shape: util.inferFromImplicitShape(shape, util.sizeFromShape(x.shape)),
  dtype: x.dtype,
}));
R("ExpandDims", ({ input }: any, { dim }: any) => {
  const s = [...input.shape];
  s.splice(dim < 0 ? s.length + 1 + dim : dim, 0, 1);
  return { shape: s, dtype: input.dtype };
});
R("Transpose", ({ x }: any, { perm }: any) => ({ shape: perm.map((p: number) => x.shape[p]), dtype: x.dtype }));
const red =
  (f: (d: string) => string) =>
  ({ x }: any, { axis, keepDims }: any) => {
    const ax = util.parseAxisParam(axis, x.shape);
    return {
      shape: keepDims
        ? x.shape.map((d: number, i: number) => (ax.includes(i) ? 1 : d))
        : x.shape.filter((_: number, i: number) => !ax.includes(i)),
      dtype: f(x.dtype),
    };
  };
R(
  "Sum",
  red((d) => (d === "bool" ? "int32" : d)),
);
R(
  "Mean",
  red(() => "float32"),
);
for (const k of ["Max", "Min", "Prod", "All", "Any"])
  R(
    k,
    red((d) => d),
  );
for (const k of ["ArgMax", "ArgMin"])
  R(k, ({ x }: any, { axis }: any) => ({
    shape: x.shape.filter((_: number, i: number) => i !== (axis < 0 ? axis + x.shape.length : axis)),
    dtype: "int32",
  }));
R("BatchMatMul", ({ a, b }: any, { transposeA, transposeB }: any) => {
  const ra = a.shape.length,
    rb = b.shape.length;
  const m = transposeA ? a.shape[ra - 1] : a.shape[ra - 2],
    n = transposeB ? b.shape[rb - 2] : b.shape[rb - 1];
  return {
    shape: [...backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n],
    dtype: "float32",
  };
});
R("Slice", ({ x }: any, { begin, size }: any) => ({
  shape: size.map((v: number, i: number) => (v < 0 ? x.shape[i] - begin[i] : v)),
  dtype: x.dtype,
}));
R("SplitV", ({ x }: any, { numOrSizeSplits, axis }: any) => {
  const ax = util.parseAxisParam(axis, x.shape)[0]!;
  return backend_util
    .prepareSplitSize(x, numOrSizeSplits, ax)
    .map((s: number) => ({ shape: x.shape.map((d: number, j: number) => (j === ax ? s : d)), dtype: x.dtype }));
});
R("Concat", (i: any, { axis }: any) => {
  const xs = Object.values(i) as any[];
  const ax = util.parseAxisParam(axis, xs[0].shape)[0]!;
  const s = [...xs[0].shape];
  s[ax] = xs.reduce((t, x) => t + x.shape[ax], 0);
  return { shape: s, dtype: xs[0].dtype };
});
R("Pack", (i: any, { axis }: any) => {
  const xs = Object.values(i) as any[];
  const s = [...xs[0].shape];
  s.splice(axis, 0, xs.length);
  return { shape: s, dtype: xs[0].dtype };
});
R("Unpack", ({ value }: any, { axis }: any) =>
  Array.from({ length: value.shape[axis] }, () => ({
    shape: value.shape.filter((_: number, i: number) => i !== axis),
    dtype: value.dtype,
  })),
);
R("PadV2", ({ x }: any, { paddings }: any) => ({
  shape: x.shape.map((d: number, i: number) => d + paddings[i][0] + paddings[i][1]),
  dtype: x.dtype,
}));
R("Tile", ({ x }: any, { reps }: any) => ({
  shape: x.shape.map((d: number, i: number) => d * reps[i]),
  dtype: x.dtype,
}));
R("Select", ({ t, e }: any) => ({ shape: t.shape, dtype: up(t.dtype, e.dtype) }));
R("GatherV2", ({ x, indices }: any, { axis }: any) => ({
  shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
  dtype: x.dtype,
}));
R("UnsortedSegmentSum", ({ x }: any, { numSegments }: any) => ({
  shape: [numSegments, ...x.shape.slice(1)],
  dtype: x.dtype,
}));
R("OneHot", ({ indices }: any, { depth, dtype }: any) => ({
  shape: [...indices.shape, depth],
  dtype: dtype ?? "float32",
}));
R("Range", (_: any, { start, stop, step, dtype }: any) => ({
  shape: [Math.max(0, Math.ceil((stop - start) / step))],
  dtype,
}));
const conv = (x: number[], f: any, a: any, dw = false) =>
  backend_util.computeConv2DInfo(x as any, f, a.strides, a.dilations ?? 1, a.pad, a.dimRoundingMode, dw);
R("Conv2D", ({ x, filter }: any, a: any) => ({ shape: conv(x.shape, filter.shape, a).outShape, dtype: "float32" }));
R("Conv2DBackpropInput", (_: any, { inputShape }: any) => ({ shape: inputShape, dtype: "float32" }));
R("Conv2DBackpropFilter", (_: any, { filterShape }: any) => ({ shape: filterShape, dtype: "float32" }));
