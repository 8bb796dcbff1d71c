import { type Dataset, type DatumSpec, hostTensor } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { model } from "../test/support.js";

/** A data set of given rows. */
function dataset(
  rows: readonly (readonly number[])[],
  columns?: string[],
  more: object = {},
): Pick<Dataset, "splits" | "columns"> {
  const D = rows[0]?.length as number;
  const train = {
    size: rows.length,
    fields: { x: { shape: [D], dtype: "float32" as const }, ...more },
    gather: (indices: ArrayLike<number>) => ({
      x: hostTensor(Float32Array.from(Array.from(indices).flatMap((i) => [...(rows[i] as number[])])), [
        indices.length,
        D,
      ]),
    }),
  };
  return { splits: { train, test: train }, ...(columns ? { columns } : {}) };
}

const continuous = (n: number, D: number) =>
  Array.from({ length: n }, (_, i) => Array.from({ length: D }, (_, d) => Math.sin(i * 1.7 + d * 0.3) + i * 1e-3));
const free: DatumSpec = { kind: "continuous", shape: [2] };
const pixels: DatumSpec = { kind: "continuous", shape: [2], range: [0, 1], levels: 256 };
const check = (datum: DatumSpec, data: Pick<Dataset, "splits" | "columns">, options: object = {}) =>
  model({ model: "maf", ...options }, datum).checkData?.(data.splits.train, data.columns);

describe("what the data cannot be", () => {
  it("accepts continuous columns, levels on their grid, binary values", () => {
    check(free, dataset(continuous(200, 2)));
    check(pixels, dataset(Array.from({ length: 60 }, (_, i) => [i / 255, 1])));
    check({ kind: "binary", shape: [2] }, dataset(Array.from({ length: 60 }, (_, i) => [i % 2, 1])));
  });

  it.each<[string, DatumSpec, number[][], RegExp]>([
    ["too few rows", free, continuous(20, 2), /at least 50 rows for a density of 2 dimensions, got 20/],
    ["rows below twice the columns", { ...free, shape: [60] }, continuous(80, 60), /at least 120 rows.*got 80/],
    [
      "a constant column",
      free,
      continuous(100, 2).map(([a]) => [a as number, 7]),
      /column "b" has the same value in all 100 rows/,
    ],
    [
      "a discrete column",
      free,
      continuous(500, 2).map(([a], i) => [a as number, i % 4]),
      /column "b" is discrete: 4 different values in 500 rows/,
    ],
    [
      "a column with one frequent value",
      free,
      continuous(500, 2).map(([a, b], i) => [a as number, i % 3 ? 0 : (b as number)]),
      /column "b" is discrete.*most frequent 333 times/,
    ],
    ["NaN", free, [...continuous(99, 2), [Number.NaN, 1]], /row 99, column "a" holds NaN, not a finite number/],
    [
      "pixels out of range",
      pixels,
      Array.from({ length: 60 }, () => [0.5 + 0.5 / 255, 1.2]),
      /holds 1.2000\d*, outside the range \[0, 1\]/,
    ],
    ["pixels between levels", pixels, Array.from({ length: 60 }, () => [1, 0.4567]), /between two of the 256 levels/],
  ])("refuses %s in one line", (_name, datum, rows, message) => {
    const attempt = () => check(datum, dataset(rows, ["a", "b"]));
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^[^\n]+$/);
  });

  it("refuses a missing context", () => {
    expect(() => check(free, dataset(continuous(100, 2)), { conditional: "context" })).toThrow(
      /needs a field "context"/,
    );
    const context = { context: { shape: [3], dtype: "float32" } };
    check(free, dataset(continuous(100, 2), undefined, context), { conditional: "context" });
  });
});

describe("what the options cannot be", () => {
  const image = (...shape: number[]): DatumSpec => ({ kind: "continuous", shape, range: [0, 1], levels: 256 });
  it.each<[object, DatumSpec, RegExp]>([
    [{ model: "glow" }, image(27, 28, 1), /scales must halve.*got 2 for 27x28 pixels; use realnvp/],
    [{ model: "glow", scales: 3 }, image(28, 28, 1), /got 3 for 28x28 pixels; set scales to 2/],
    [{ model: "glow" }, free, /model must not be glow for data of shape \[2\]/],
    [{ model: "tarflow", patch: 5 }, image(28, 28, 1), /patch must divide height and width, got 5/],
    [{ model: "tarflow", heads: 3 }, image(28, 28, 1), /heads must divide width 128, got 3/],
    [{ model: "nsf" }, { kind: "continuous", shape: [1] }, /maf or nsf-ar for data of one dimension/],
    [{ model: "iaf" }, image(28, 28, 1), /must not be iaf for data of 784 dimensions/],
    [{ conditional: "label" }, free, /conditional must be none on data without labels/],
    [{ dequantization: "variational" }, free, /dequantization must be uniform for data without levels/],
    [{}, { kind: "tokens", shape: [8], vocabulary: 5 }, /got tokens; train an autoregressive model/],
  ])("refuses %o in one line", (options, datum, message) => {
    expect(() => model(options, datum)).toThrow(message);
    expect(() => model(options, datum)).toThrow(/^[^\n]+$/);
  });
});
