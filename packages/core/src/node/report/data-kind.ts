import { type HostTensor, hostTensor, sizeOf } from "@latentkit/jit";
import type { Dataset, DatumSpec } from "../../data.js";

/** How data are shown: pictures, points of the plane, curves over the dimensions, or text. */
export type DataKind = "images" | "points" | "vectors" | "tokens";

/** The way to show data, decided by their description alone. */
export function dataKind({ kind, shape }: Pick<DatumSpec, "kind" | "shape">): DataKind {
  if (kind === "tokens" || kind === "pairs") return "tokens";
  if (shape.length === 3 && [1, 3, 4].includes(shape[2] as number)) return "images";
  return sizeOf(shape) === 2 ? "points" : "vectors";
}

/** What one datum is called in running text, plural: `images/s`. */
export function dataNoun(datum: Pick<DatumSpec, "kind" | "shape">): string {
  return { images: "images", points: "points", vectors: "examples", tokens: "sequences" }[dataKind(datum)];
}

/** Pictures with values in [0, 1], shape `(n, H, W, C)`: shifted and scaled from the data's range, or from the values' own when that is unknown. */
export function toPictures(x: HostTensor, { range }: Pick<DatumSpec, "range">): HostTensor {
  const [low, high] = range ?? extent(x.data);
  const width = high - low || 1;
  return hostTensor(
    Float32Array.from(x.data, (value) => (value - low) / width),
    x.shape,
  );
}

/** Smallest and largest finite value; [0, 1] when there is none. */
export function extent(values: ArrayLike<number>): [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Rows of a tensor as plain arrays, each example flattened. */
export function rowsOf({ shape, data }: HostTensor): number[][] {
  const [n = 0, ...rest] = shape;
  const width = sizeOf(rest);
  return Array.from({ length: n }, (_, i) => Array.from(data.subarray(i * width, (i + 1) * width)));
}

/** Some rows of a tensor, in the order asked for, repeats allowed. */
export function selectRows({ shape, dtype, data }: HostTensor, indices: readonly number[]): HostTensor {
  const rest = shape.slice(1);
  const width = sizeOf(rest);
  const picked = indices.flatMap((i) => Array.from(data.subarray(i * width, (i + 1) * width)));
  return hostTensor(picked, [indices.length, ...rest], dtype);
}

/** The name of a class, its number when it has none. */
export function labelName({ labelNames }: Pick<Dataset, "labelNames">, label: number): string {
  return labelNames?.[label] ?? String(label);
}
