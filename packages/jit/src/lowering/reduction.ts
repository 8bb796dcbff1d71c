import { axesOf } from "./axes.js";
import { asFloat, numeric } from "./elementwise.js";
import type { KernelBuilder, LoweredValue } from "./kernel-builder.js";
import type { Call, Register } from "./registry.js";

/** Declares the reductions that engines compute in the same way. */
export function registerReduction<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  for (const [kernel, axisName] of [
    ["Prod", "axis"],
    ["Max", "reductionIndices"],
    ["Min", "axis"],
  ] as const) {
    register(kernel, (b, call) =>
      b.cast(reduced(b, kernel, numeric(b, call.input("x")), call, axisName), call.out().dtype),
    );
  }
  register("Mean", (b, call) => reduced(b, "Mean", asFloat(b, call.input("x")), call));

  // for every value the number of elements of its sorted row below it (`left`), or not above it
  register("SearchSorted", (b, { input, attr }) => {
    const [sorted, values] = [input("sortedSequence"), input("values")];
    const row = b.reshape(sorted, [...sorted.shape.slice(0, -1), 1, sorted.shape.at(-1) as number]);
    const value = b.reshape(values, [...values.shape, 1]);
    const before = b.apply(attr<string>("side") === "right" ? "LessEqual" : "Less", row, value);
    return b.reduce("Sum", b.cast(before, "int32"), [before.shape.length - 1]);
  });
}

/** x reduced over the axes that a call names, in the shape of its output. */
export function reduced<V extends LoweredValue>(
  b: KernelBuilder<V>,
  kernel: string,
  x: V,
  { attr, out }: Call<V>,
  axisName = "axis",
): V {
  const axes = axesOf(attr<number | number[]>(axisName), x.shape.length);
  return b.reshape(b.reduce(kernel, x, axes, attr<boolean>("keepDims") ?? false), out().shape);
}
