import { basename } from "node:path";
import { type Dataset, type DatasetSource, type DatumSpec, didYouMean, type Split } from "@latentkit/core";
import { z } from "zod";
import { type ClassLabels, numberClasses, takeLabels } from "./class-labels.js";
import { defineDataset, sourceOf } from "./define.js";
import { type ParsedFile, parseOnce } from "./file.js";
import { heldOutOptions, holdOut } from "./held-out.js";
import { type NpyArray, parseNpy, parseNpz } from "./npy-format.js";
import { refusal } from "./refusal.js";
import { byteSplit, floatSplit } from "./split.js";
import { takeExamples } from "./take-examples.js";

const options = z.object({
  array: z.string().optional().describe("the name of the data's array in an .npz file; absent: x, or the only array"),
  label: z
    .string()
    .optional()
    .describe("the name of the labels' array in an .npz file; absent: y, label or labels if there"),
  ...heldOutOptions,
});

export type NpyOptions = z.input<typeof options>;

/** `npy:FILE`: examples along the first dimension of a NumPy array. */
export const npyFactory = defineDataset({
  name: "npy",
  summary: "a NumPy array (.npy, .npz) with examples along its first dimension; 8-bit values become [0, 1]",
  argument: "FILE",
  options,
  read: async ({ name, argument, seed, options }) => {
    const file = await parseOnce(argument, "npy", (source) =>
      /\.npz$/i.test(source.path) ? parseNpz(source) : { x: parseNpy(source) },
    );
    const x = pickData(file, options.array, options.label);
    const labels = pickLabels(file, x.shape[0] as number, options.label);
    return arrayDataset(name, file, x, labels, holdOut(argument, x.shape[0] as number, seed, options));
  },
});

/**
 * Examples along the first dimension of a NumPy array: `(N)`, `(N, D)`, images `(N, H, W)` or `(N, H, W, C)`.
 * Bytes become float32 in `[0, 1]`; other types keep their values. 10 % are held out as test split.
 */
export function npy(file: string, options: NpyOptions = {}): DatasetSource {
  return sourceOf(npyFactory, options, file);
}

type Archive = ParsedFile<Readonly<Record<string, NpyArray>>>;

const LABEL_NAMES = ["y", "label", "labels"];

function pickData({ path, content }: Archive, wanted: string | undefined, label: string | undefined): NpyArray {
  const names = Object.keys(content);
  const others = names.filter((name) => name !== label && !LABEL_NAMES.includes(name));
  const name = wanted ?? (names.includes("x") ? "x" : others.length === 1 ? (others[0] as string) : undefined);
  if (name === undefined)
    throw refusal(`${path} holds arrays ${names.join(", ") || "(none)"}; say which with the option array`);
  const array = arrayOf({ path, content }, "array", name);
  if (array.shape.length < 1 || array.shape.length > 4) {
    throw refusal(`${path} has shape (${array.shape}); give (N), (N, D), (N, H, W) or (N, H, W, C)`);
  }
  if (array.shape.slice(1).includes(0))
    throw refusal(`${path} has shape (${array.shape}), which holds no values; give another array`);
  return array;
}

function pickLabels(file: Omit<Archive, "sha256">, n: number, wanted: string | undefined): ClassLabels | undefined {
  const name = wanted ?? LABEL_NAMES.find((candidate) => candidate in file.content);
  if (name === undefined) return undefined;
  const { shape, data } = arrayOf(file, "label", name);
  if (shape.length !== 1 || shape[0] !== n)
    throw refusal(`${file.path}: labels "${name}" have shape (${shape}) for ${n} examples; give one label an example`);
  return numberClasses(file.path, name, Array.from(data as ArrayLike<unknown>), (i) => `element ${i}`);
}

function arrayOf({ path, content }: Omit<Archive, "sha256">, option: string, name: string): NpyArray {
  const array = content[name];
  if (array) return array;
  const names = Object.keys(content);
  throw refusal(`${option} "${name}" is not in ${path}${didYouMean(name, names)}; arrays: ${names.join(", ")}`);
}

function arrayDataset(
  name: string,
  { path, sha256 }: Archive,
  array: NpyArray,
  labels: ClassLabels | undefined,
  rows: { train: Int32Array; test: Int32Array },
): Dataset {
  const shape = datumShape(array.shape);
  const values = array.descr === "|u1" ? (array.data as Uint8Array) : toFloats(path, array);
  const split = (which: Int32Array) => splitOf(values, shape, which, labels);
  return {
    name,
    title: `array ${basename(path)}`,
    datum: { ...rangeOf(values), shape, ...(labels ? { classes: labels.names.length } : {}) },
    licence: "unknown",
    source: path,
    ...(labels ? { labelNames: labels.names } : {}),
    files: { [basename(path)]: sha256 },
    splits: { train: split(rows.train), test: split(rows.test) },
  };
}

/** Images without a channel dimension get one; numbers become vectors of length 1. */
function datumShape(shape: readonly number[]): number[] {
  const rest = shape.slice(1);
  return rest.length === 0 || rest.length === 2 ? [...rest, 1] : rest;
}

/** @throws UserError naming the position of the first value that float32 cannot hold: NaN, infinite, or a large integer. */
export function toFloats(path: string, { data, shape }: NpyArray): Float32Array {
  const isInteger = data instanceof Int32Array || data instanceof BigInt64Array;
  const out = new Float32Array(data.length);
  for (let i = 0; i < out.length; i++) {
    const value = Number(data[i]);
    out[i] = value;
    if (!Number.isFinite(out[i] as number))
      throw refusal(`${path} holds ${data[i]} at ${positionOf(i, shape)}; remove or replace it`);
    if (isInteger && out[i] !== value)
      throw refusal(
        `${path} holds ${data[i]} at ${positionOf(i, shape)}, more than float32 can hold exactly; rescale it`,
      );
  }
  return out;
}

/** `[2, 0, 5]`: the indices of the `i`-th element. */
function positionOf(i: number, shape: readonly number[]): string {
  let rest = i;
  const indices = [...shape].reverse().map((dim) => {
    const index = rest % dim;
    rest = Math.floor(rest / dim);
    return index;
  });
  return `[${indices.reverse().join(", ")}]`;
}

function rangeOf(values: Uint8Array | Float32Array): Pick<DatumSpec, "kind" | "range" | "levels"> {
  if (values instanceof Uint8Array) return { kind: "continuous", range: [0, 1], levels: 256 };
  if (values.every((value) => value === 0 || value === 1)) return { kind: "binary", range: [0, 1], levels: 2 };
  return values.every((value) => value >= 0 && value <= 1)
    ? { kind: "continuous", range: [0, 1] }
    : { kind: "continuous" };
}

function splitOf(
  values: Uint8Array | Float32Array,
  shape: readonly number[],
  which: Int32Array,
  labels: ClassLabels | undefined,
): Split {
  const width = shape.reduce((product, dim) => product * dim, 1);
  const chosenLabels = takeLabels(labels, which);
  if (values instanceof Uint8Array) return byteSplit(takeExamples(values, width, which), shape, chosenLabels);
  return floatSplit(takeExamples(values, width, which), shape, chosenLabels);
}
