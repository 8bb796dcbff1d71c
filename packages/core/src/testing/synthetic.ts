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

function syntheticSplit(datum: DatumSpec, size: number, key: Int32Array): Split {
  const length = sizeOf(datum.shape);
  const uniform = philoxUniform(key, size * length);
  const tokens = datum.kind === "tokens" || datum.kind === "pairs";
  const x = Float32Array.from(uniform, (u) => place(datum, u));
  const labels = Int32Array.from({ length: size }, (_, i) => i % (datum.classes ?? 1));
  const xField: FieldSpec = { shape: datum.shape, dtype: tokens ? "int32" : "float32" };
  const fields: Record<string, FieldSpec> = datum.classes
    ? { x: xField, label: { shape: [], dtype: "int32" } }
    : { x: xField };
  return {
    size,
    fields,
    gather(indices) {
      const rows = Array.from(indices);
      const values = Float32Array.from(rows.flatMap((i) => [...x.subarray(i * length, (i + 1) * length)]));
      const batch: Record<string, HostTensor> = { x: hostTensor(values, [rows.length, ...datum.shape], xField.dtype) };
      if (datum.classes)
        batch.label = hostTensor(
          rows.map((i) => labels[i] as number),
          [rows.length],
          "int32",
        );
      return batch;
    },
  };
}

/** A uniform number as a value that the kind of data may hold. */
function place({ kind, range = [-1, 1], levels, vocabulary = 2 }: DatumSpec, u: number): number {
  if (kind === "binary") return u < 0.5 ? 0 : 1;
  if (kind !== "continuous") return Math.floor(u * vocabulary);
  const [low, high] = range;
  const step = levels === undefined ? u : Math.floor(u * levels) / (levels - 1);
  return low + step * (high - low);
}
