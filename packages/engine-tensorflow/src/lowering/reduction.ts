import { asFloat, axesOf, fromFront, numeric, product, range, reduced } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";
import { SUM_OF_SQUARES } from "./join-squares.js";
import { registerLowering } from "./registry.js";

registerLowering("Sum", (b, call) => b.cast(reduced(b, "Sum", numeric(b, call.input("x")), call), call.out().dtype));
for (const kernel of ["All", "Any"]) {
  registerLowering(kernel, (b, call) => reduced(b, kernel, b.cast(call.input("x"), "bool"), call));
}

/** Rows that one loop adds, and the length from which a vector is worth cutting into rows. */
const [ROWS, LONG] = [16, 4096];
/** Long vectors that one loop reads. */
const AT_ONCE = 4;

/**
 * Sums all squares. XLA on CPU adds the elements of a row one after the other, each waiting for the one before, and starts a loop for every
 * tensor: here rows of equal length, those of one vector and those of many, are added element by element until little is left.
 */
registerLowering(SUM_OF_SQUARES, (b, { list }) => {
  const all = list();
  const sizes = new Set(all.map(({ shape }) => product(shape)));
  const sums = [...sizes].flatMap((n) => {
    const vectors = all.filter(({ shape }) => product(shape) === n).map((x) => b.reshape(x, [n]));
    const together = chunks(vectors, n < LONG ? vectors.length : AT_ONCE);
    return together.flatMap((some) => sumsOf(b, some, (part) => b.unary("Square", part)));
  });
  return added(b, sums);
});

/** Scalars whose sum is that of `f` of all elements of vectors of one length. */
function sumsOf(b: GraphBuilder, vectors: readonly TfValue[], f: (part: TfValue) => TfValue): TfValue[] {
  const [n] = (vectors[0] as TfValue).shape as [number];
  if (n < LONG) return [b.reduce("Sum", added(b, vectors.map(f)), [0])];
  const size = Math.floor(n / ROWS);
  const rows = vectors.flatMap((x) => range(ROWS).map((i) => f(b.slice(x, [i * size], [size]))));
  const rest = n - ROWS * size;
  const rests = rest === 0 ? [] : vectors.map((x) => f(b.slice(x, [ROWS * size], [rest])));
  return [...sumsOf(b, [added(b, rows)], (x) => x), ...(rest === 0 ? [] : [b.reduce("Sum", added(b, rests), [0])])];
}

/** The sum of values of one shape, added in pairs. */
function added(b: GraphBuilder, list: readonly TfValue[]): TfValue {
  const [first, second, ...others] = list as [TfValue, TfValue, ...TfValue[]];
  return second === undefined ? first : added(b, [...others, b.add(first, second)]);
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return range(Math.ceil(list.length / size)).map((i) => list.slice(i * size, (i + 1) * size));
}

for (const op of ["ArgMax", "ArgMin"]) {
  registerLowering(op, (b, { input, attr, out }) => {
    const x = numeric(b, input("x"));
    const [axis] = axesOf(attr<number>("axis"), x.shape.length) as [number];
    return b.op(op, [x, b.scalar(axis, "int32")], out().shape, "int32", { output_type: { type: "int32" } });
  });
}

for (const op of ["Cumsum", "Cumprod"]) {
  registerLowering(op, (b, { input, attr }) => {
    const x = numeric(b, input("x"));
    if (x.shape.length === 0) return x;
    const axis = b.scalar(fromFront(attr<number>("axis"), x.shape.length), "int32");
    const attributes = { exclusive: attr<boolean>("exclusive") ?? false, reverse: attr<boolean>("reverse") ?? false };
    return b.op(op, [x, axis], x.shape, x.type, attributes);
  });
}

registerLowering("TopK", (b, { input, attr, out }) => {
  const x = numeric(b, input("x"));
  const { shape, dtype } = out();
  const specs = [
    { shape, type: x.type },
    { shape, type: "int32" as const },
  ];
  const [values, indices] = b.multi("TopKV2", [x, b.scalar(attr<number>("k"), "int32")], specs) as [TfValue, TfValue];
  return [b.cast(values, dtype), indices];
});

/** Rows whose segment does not exist are dropped, as TensorFlow drops those of negative segments. */
registerLowering("UnsortedSegmentSum", (b, { input, out }) => {
  const [x, ids] = [asFloat(b, input("x")), input("segmentIds")];
  const { shape } = out();
  const n = shape[0] as number;
  const known = b.where(b.by("Less", ids, n), ids, b.scalar(-1, "int32"));
  return b.op("UnsortedSegmentSum", [x, known, b.scalar(n, "int32")], shape, "float32");
});
