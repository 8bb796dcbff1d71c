import { registerLowering } from "./registry.js";

/** Composite kernels that are lowered here when XLA compiles a whole program, instead of by their definition in tfjs ops. */
export const COMPOSITES: ReadonlySet<string> = new Set(["DynamicUpdateSlice"]);

/** XLA writes only the new rows, in the memory of `x` when nothing reads that afterwards: a step of decoding leaves the rest of its cache alone. */
registerLowering("DynamicUpdateSlice", (b, { input, attr }) => {
  const [x, update, axis] = [input("x"), input("update"), attr<number>("axis")];
  const last = (x.shape[axis] as number) - (update.shape[axis] as number);
  const start = b.by("Maximum", b.by("Minimum", input("start"), last), 0);
  const begin = x.shape.map((_, i) => (i === axis ? b.reshape(start, [1]) : b.ints([0])));
  return b.op("XlaDynamicUpdateSlice", [x, update, b.concat(begin, 0)], x.shape, x.type);
});
