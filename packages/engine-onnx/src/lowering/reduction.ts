import { asFloat, axesOf, fromFront, numeric, reduced } from "@latentkit/jit/lowering";
import type { OnnxType, OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { registerLowering } from "./registry.js";

registerLowering("Sum", (b, call) => {
  const x = numeric(b, call.input("x"));
  const root = x.type === "float32" ? b.rootOf(x) : undefined;
  const axes = axesOf(call.attr<number | number[]>("axis"), x.shape.length);
  return root === undefined || axes.length === 0 ? reduced(b, "Sum", x, call) : reduced(b, "SumSquare", root, call);
});

for (const [kernel, extremum] of [
  ["All", "Min"],
  ["Any", "Max"],
] as const) {
  registerLowering(kernel, (b, call) => b.cast(reduced(b, extremum, numeric(b, call.input("x")), call), "bool"));
}

for (const op of ["ArgMax", "ArgMin"]) {
  registerLowering(op, (b, { input, attr, out }) => {
    const x = numeric(b, input("x"));
    const axis = axesOf(attr<number>("axis"), x.shape.length)[0] as number;
    return b.cast(b.op(op, [x], out().shape, "int64", { attributes: { axis, keepdims: 0 } }), "int32");
  });
}

registerLowering("Cumsum", (b, { input, attr }) => {
  const x = numeric(b, input("x"));
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  const attributes = { exclusive: attr<boolean>("exclusive") ? 1 : 0, reverse: attr<boolean>("reverse") ? 1 : 0 };
  return x.shape.length === 0 ? x : b.op("CumSum", [x, b.scalar(axis, "int64")], x.shape, x.type, { attributes });
});

/** log2(n) passes: after pass k every element holds the product of the 2^k elements that end with it. Hillis & Steele, "Data parallel algorithms", 1986. */
registerLowering("Cumprod", (b, { input, attr }) => {
  let x = numeric(b, input("x"));
  if (x.shape.length === 0) return x;
  const axis = fromFront(attr<number>("axis"), x.shape.length);
  const reverse = attr<boolean>("reverse");
  const n = x.shape[axis] as number;
  if (attr<boolean>("exclusive")) x = shiftWithOnes(b, x, axis, 1, reverse);
  for (let distance = 1; distance < n; distance *= 2) x = b.mul(x, shiftWithOnes(b, x, axis, distance, reverse));
  return x;
});

/** x moved along an axis, towards the end unless `reverse`, with ones where nothing comes in. */
function shiftWithOnes(b: OnnxBuilder, x: OnnxValue, axis: number, by: number, reverse: boolean): OnnxValue {
  const n = x.shape[axis] as number;
  const kept = reverse ? b.ranges(x, [by], [n], [axis]) : b.ranges(x, [0], [n - by], [axis]);
  const padding = x.shape.map((_, i) => (i === axis ? by : 0));
  const none = x.shape.map(() => 0);
  return reverse ? b.pad(kept, none, padding, 1) : b.pad(kept, padding, none, 1);
}

registerLowering("TopK", (b, { input, attr, out }) => {
  const x = numeric(b, input("x"));
  const { shape } = out();
  const k = b.ints([attr<number>("k")]);
  const attributes = { axis: -1, largest: 1, sorted: 1 };
  const specs = [
    { shape, type: x.type },
    { shape, type: "int64" as OnnxType },
  ];
  const [values, indices] = b.multi("TopK", [x, k], specs, { attributes }) as [OnnxValue, OnnxValue];
  return [b.cast(values, out().dtype), b.cast(indices, "int32")];
});

/** Rows whose segment does not exist go to one more row, which is cut off. */
registerLowering("UnsortedSegmentSum", (b, { input, out }) => {
  const x = asFloat(b, input("x"));
  const ids = input("segmentIds");
  const [n, ...row] = out().shape as [number, ...number[]];
  const exists = b.binary("And", b.by("GreaterOrEqual", ids, 0), b.by("Less", ids, n));
  const target = b.cast(b.where(exists, ids, b.scalar(n, "int32")), "int64");
  const inputs = [b.filled(0, [n + 1, ...row]), b.reshape(target, [...ids.shape, 1]), x];
  const sums = b.op("ScatterND", inputs, [n + 1, ...row], "float32", { attributes: { reduction: "add" } });
  return b.ranges(sums, [0], [n], [0]);
});

registerLowering("Einsum", (b, { list, attr, out }) => {
  const operands = list().map((x) => numeric(b, x));
  const equation = attr<string>("equation").replace(/\s+/g, "");
  return b.op("Einsum", operands, out().shape, (operands[0] as OnnxValue).type, { attributes: { equation } });
});
