import type { GraphBuilder, TfValue } from "./builder.js";
import { registerLowering } from "./registry.js";

/** Composite kernels that are lowered here instead of arriving as their definition in tfjs ops. */
export const COMPOSITES: ReadonlySet<string> = new Set(["DynamicUpdateSlice"]);

/**
 * XLA writes only the new rows, in the memory of `x` when nothing reads that afterwards: a step of decoding leaves the rest of its cache alone.
 * TensorFlow itself has no such operation; there it is a choice between two tensors.
 */
registerLowering("DynamicUpdateSlice", (b, { input, attr }) => {
  const [x, update, axis] = [input("x"), input("update"), attr<number>("axis")];
  const last = (x.shape[axis] as number) - (update.shape[axis] as number);
  const start = b.by("Maximum", b.by("Minimum", input("start"), last), 0);
  if (!b.compiled) return chosen(b, x, update, start, axis);
  const begin = x.shape.map((_, i) => (i === axis ? b.reshape(start, [1]) : b.ints([0])));
  return b.op("XlaDynamicUpdateSlice", [x, update, b.concat(begin, 0)], x.shape, x.type);
});

/** At every position along `axis` the row of the update that lies there, or x's own. */
function chosen(b: GraphBuilder, x: TfValue, update: TfValue, start: TfValue, axis: number): TfValue {
  const [length, size] = [x.shape[axis], update.shape[axis]] as [number, number];
  const offset = b.sub(b.counting(length), start); // (length,)
  const inside = b.binary("LogicalAnd", b.by("GreaterEqual", offset, 0), b.by("Less", offset, size));
  const rows = b.by("Maximum", b.by("Minimum", offset, size - 1), 0);
  const along = x.shape.map((_, i) => (i === axis ? length : 1));
  return b.where(b.reshape(inside, along), size === 1 ? update : b.gather(update, rows, axis), x);
}
