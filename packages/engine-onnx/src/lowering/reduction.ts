import { axesOf, fromFront } from "@latentkit/jit/lowering";
import type { OnnxType, OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { asFloat, numeric } from "./elementwise.js";
import { type Call, registerLowering } from "./registry.js";

registerLowering("Sum", (b, call) => {
  const x = numeric(b, call.input("x"));
  const root = x.type === "float32" ? b.rootOf(x) : undefined;
  return root === undefined
    ? reduce(b, "ReduceSum", x, call, "axis")
    : reduce(b, "ReduceSumSquare", root, call, "axis");
});

for (const [kernel, op, axisName] of [
  ["Prod", "ReduceProd", "axis"],
  ["Max", "ReduceMax", "reductionIndices"],
  ["Min", "ReduceMin", "axis"],
  ["All", "ReduceMin", "axis"],
  ["Any", "ReduceMax", "axis"],
] as const) {
  registerLowering(kernel, (b, call) =>
    b.cast(reduce(b, op, numeric(b, call.input("x")), call, axisName), call.out().dtype),
  );
}

registerLowering("Mean", (b, call) => reduce(b, "ReduceMean", asFloat(b, call.input("x")), call, "axis"));

function reduce(b: OnnxBuilder, op: string, x: OnnxValue, { attr, out }: Call, axisName: string): OnnxValue {
  const axes = axesOf(attr<number | number[]>(axisName), x.shape.length);
  if (axes.length === 0 && op === "ReduceSumSquare") return b.mul(x, x);
  return b.reshape(b.reduce(op, x, axes, attr<boolean>("keepDims")), out().shape);
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
  const kept = reverse ? b.slice(x, [by], [n], [axis]) : b.slice(x, [0], [n - by], [axis]);
  const padding = x.shape.map((_, i) => (i === axis ? by : 0));
  const none = x.shape.map(() => 0);
  return reverse ? b.pad(kept, none, padding, "constant", 1) : b.pad(kept, padding, none, "constant", 1);
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

/** For every value the number of elements of its sorted row below it (`left`), or not above it. */
registerLowering("SearchSorted", (b, { input, attr }) => {
  const row = b.reshape(input("sortedSequence"), [
    ...input("sortedSequence").shape.slice(0, -1),
    1,
    input("sortedSequence").shape.at(-1) as number,
  ]);
  const value = b.reshape(input("values"), [...input("values").shape, 1]);
  const before = b.binary(attr<string>("side") === "right" ? "LessOrEqual" : "Less", row, value, "bool");
  return b.reduce("ReduceSum", b.cast(before, "int32"), [before.shape.length - 1]);
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
  return b.slice(sums, [0], [n], [0]);
});

registerLowering("Einsum", (b, { list, attr, out }) => {
  const operands = list().map((x) => numeric(b, x));
  const equation = attr<string>("equation").replace(/\s+/g, "");
  return b.op("Einsum", operands, out().shape, (operands[0] as OnnxValue).type, { attributes: { equation } });
});
