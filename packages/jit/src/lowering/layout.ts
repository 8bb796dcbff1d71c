import { axesOf, fromFront, product, range } from "./axes.js";
import type { KernelBuilder, LoweredValue } from "./kernel-builder.js";
import type { Register } from "./registry.js";

/** Declares kernels that move elements without computing. */
export function registerLayout<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  registerViews(register);
  registerParts(register);
}

/** All elements of one value, elsewhere or several times. */
function registerViews<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  register("Identity", (_, { input }) => input("x"));
  register("Reshape", (b, { input, out }) => b.reshape(input("x"), out().shape));
  register("ExpandDims", (b, { input, out }) => b.reshape(input("input"), out().shape));
  register("Transpose", (b, { input, attr }) => b.transpose(input("x"), attr<number[]>("perm")));
  register("Tile", (b, { input, attr, out }) => {
    const x = input("x");
    const reps = attr<number[]>("reps");
    return reps.every((n, i) => n === 1 || x.shape[i] === 1) ? b.expand(x, out().shape) : b.tile(x, reps);
  });
  register("Reverse", (b, { input, attr }) => {
    const x = input("x");
    return b.reverse(x, axesOf(attr<number | number[] | undefined>("dims"), x.shape.length));
  });
  register("PadV2", (b, { input, attr }) => {
    const paddings = attr<[number, number][]>("paddings");
    const [before, after] = [paddings.map(([n]) => n), paddings.map(([, n]) => n)];
    return b.pad(input("x"), before, after, attr<number>("constantValue") ?? 0);
  });
}

/** Values made of parts, and their parts. */
function registerParts<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  register("Slice", (b, { input, attr, out }) => {
    const x = input("x");
    const begin = attr<number | number[]>("begin");
    const given = typeof begin === "number" ? [begin] : begin;
    return b.slice(
      x,
      range(x.shape.length).map((i) => given[i] ?? 0),
      out().shape,
    );
  });
  register("Concat", (b, { list, attr, out }) => {
    const axis = fromFront(attr<number>("axis"), out().shape.length);
    const parts = list().filter((part) => product(part.shape) > 0);
    return parts.length === 0 ? b.filled(0, out().shape, out().dtype) : b.concat(parts, axis);
  });
  register("SplitV", (b, { input, attr, node, out }) => {
    const x = input("x");
    const axis = fromFront(attr<number>("axis"), x.shape.length);
    const sizes = node.outputs.map((_, i) => out(i).shape[axis] as number);
    return b.split(x, sizes, axis);
  });
}

/** The indices of a scatter as rows, and its updates in the shape that they fill of a value of shape `shape`. */
export function scattered<V extends LoweredValue>(
  b: KernelBuilder<V>,
  indices: V,
  updates: V,
  shape: readonly number[],
): { readonly rows: V; readonly values: V } {
  const rows = indices.shape.length < 2 ? b.reshape(indices, [product(indices.shape), 1]) : indices;
  const filled = [...rows.shape.slice(0, -1), ...shape.slice(rows.shape.at(-1) as number)];
  return { rows, values: updates.shape.length === 0 ? b.expand(updates, filled) : b.reshape(updates, filled) };
}
