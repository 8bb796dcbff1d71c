import { type HostTensor, hostKey, hostTensor, philoxUniform, sizeOf } from "@latentkit/jit";
import type { Dataset, DatumSpec, FieldSpec, Split } from "../data.js";

/** A small data set of the given kind, uniform in its range, labelled when the kind is: for tests. */
export function syntheticDataset(datum: DatumSpec, { size = 64, seed = 0 } = {}): Dataset {
  const split = (name: string): Split => syntheticSplit(datum, size, hostKey(seed, name));
  return {
    name: "synthetic",
    title: "values drawn for a test",
    datum,
    licence: "none",
    source: "drawn from a seed",
    files: {},
    splits: { train: split("train"), test: split("test") },
  };
}

/** One field of all examples. */
interface Column {
  readonly spec: FieldSpec;
  /** Row-major. */
  readonly values: Float32Array;
}

function syntheticSplit(datum: DatumSpec, size: number, key: Int32Array): Split {
  const columns = columnsOf(datum, size, key);
  return {
    size,
    fields: Object.fromEntries(Object.entries(columns).map(([name, { spec }]) => [name, spec])),
    gather(indices) {
      const rows = Array.from(indices);
      const fields = Object.entries(columns).map(([name, { spec, values }]): [string, HostTensor] => {
        const width = sizeOf(spec.shape);
        const picked = Float32Array.from(rows.flatMap((i) => [...values.subarray(i * width, (i + 1) * width)]));
        return [name, hostTensor(picked, [rows.length, ...spec.shape], spec.dtype)];
      });
      return Object.fromEntries(fields);
    },
  };
}

function columnsOf(datum: DatumSpec, size: number, key: Int32Array): Record<string, Column> {
  const isTokens = datum.kind === "tokens" || datum.kind === "pairs";
  const uniform = (shape: readonly number[]) => philoxUniform(key, size * sizeOf(shape));
  const x: Column = {
    spec: { shape: datum.shape, dtype: isTokens ? "int32" : "float32" },
    values: Float32Array.from(uniform(datum.shape), (u) => place(datum, u)),
  };
  const label: Column = {
    spec: { shape: [], dtype: "int32" },
    values: Float32Array.from({ length: size }, (_, i) => i % (datum.classes ?? 1)),
  };
  return {
    x,
    ...(datum.classes ? { label } : {}),
    ...(datum.target ? { target: targets(datum, datum.target, size, uniform(datum.target)) } : {}),
  };
}

/** Targets of different lengths, each ended and padded. */
function targets(datum: DatumSpec, shape: readonly number[], size: number, uniform: Float32Array): Column {
  const { pad = 0, eos = 0 } = datum.special ?? {};
  const [length] = shape as [number];
  const values = Float32Array.from({ length: size * length }, (_, i) => {
    const [end, at] = [Math.floor(i / length) % length, i % length];
    if (at === end) return eos;
    return at > end ? pad : place(datum, uniform[i] as number);
  });
  return { spec: { shape, dtype: "int32" }, values };
}

/** A uniform number as a value that the kind of data may hold. */
function place({ kind, range = [-1, 1], levels, vocabulary = 2, special = {} }: DatumSpec, u: number): number {
  if (kind === "binary") return u < 0.5 ? 0 : 1;
  const first = kind === "pairs" ? 1 + Math.max(...Object.values(special)) : 0; // special ids come first
  if (kind !== "continuous") return first + Math.floor(u * (vocabulary - first));
  const [low, high] = range;
  const step = levels === undefined ? u : Math.floor(u * levels) / (levels - 1);
  return low + step * (high - low);
}
