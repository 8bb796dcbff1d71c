import { type HostTensor, hostTensor, sizeOf, UserError } from "@latentkit/jit";
import type { SampleInput } from "./model.js";
import { didYouMean } from "./nearest.js";

/** What a caller asks of a sampler. */
export interface SampleOptions {
  readonly n: number;
  /** Same seed, same samples. 0 when absent. */
  readonly seed?: number;
  /** A class for every sample, or one for all. */
  readonly label?: number | readonly number[];
  /** The model's own sampling options. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Tensors that the model's sampler takes, shape `(n, ...)`, or `(1, ...)` for all samples: an image to start from, a mask. */
  readonly inputs?: Readonly<Record<string, HostTensor>>;
}

/** A request as several of `size` samples each; what is beyond the last sample repeats it. */
export function chunkRequests(request: SampleOptions, size: number): SampleOptions[] {
  const { n, label, inputs = {} } = request;
  if (n <= size) return [request];
  return Array.from({ length: Math.ceil(n / size) }, (_, chunk) => {
    const rows = Array.from({ length: size }, (_, i) => chunk * size + i);
    const labels = Array.isArray(label) ? rows.map((row) => label[Math.min(row, label.length - 1)] as number) : label;
    const parts = Object.entries(inputs).map(([name, tensor]) => [name, gatherRows(tensor, rows)]);
    return {
      ...request,
      n: size,
      ...(labels === undefined ? {} : { label: labels }),
      ...(request.inputs ? { inputs: Object.fromEntries(parts) } : {}),
    };
  });
}

/** Rows by number, the last one for numbers beyond it; one row is left as it is. */
function gatherRows(tensor: HostTensor, rows: readonly number[]): HostTensor {
  const [n = 0, ...rest] = tensor.shape;
  if (n === 1) return tensor;
  const size = sizeOf(rest);
  const data = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    const from = Math.min(row, n - 1) * size;
    data.set(tensor.data.subarray(from, from + size), i * size);
  });
  return hostTensor(data, [rows.length, ...rest]);
}

/**
 * Refuses what no sampler can do.
 *
 * @param taken The tensors that the model's sampler takes.
 * @throws UserError when the number of samples, a label or a tensor is impossible.
 */
export function checkRequest(
  { n, label, inputs = {} }: SampleOptions,
  classes: number | undefined,
  taken: Readonly<Record<string, SampleInput>>,
): void {
  if (!Number.isSafeInteger(n) || n < 1)
    throw new UserError("@latentkit/core", `n must be a whole number from 1, got ${n}`);
  if (label !== undefined)
    checkLabels(typeof label === "number" ? [label] : label, typeof label === "number" ? 1 : n, classes);
  for (const [name, { shape }] of Object.entries(inputs)) {
    const input = taken[name];
    if (input === undefined) throw unknownInput(name, Object.keys(taken));
    const [rows = 0, ...rest] = shape;
    if (rest.join() === input.shape.join() && (rows === n || rows === 1)) continue;
    throw new UserError(
      "@latentkit/core",
      `${name} must have shape [${[n, ...input.shape]}] or [${[1, ...input.shape]}], got [${shape}]; resize it`,
    );
  }
}

function checkLabels(labels: readonly number[], n: number, classes: number | undefined): void {
  if (classes === undefined)
    throw new UserError("@latentkit/core", "label was given, but the model was trained on data without labels");
  if (labels.length !== n)
    throw new UserError("@latentkit/core", `${labels.length} labels were given for n = ${n} samples; give one, or n`);
  const bad = labels.find((value) => !Number.isInteger(value) || value < 0 || value >= classes);
  if (bad !== undefined)
    throw new UserError("@latentkit/core", `label must be a whole number from 0 to ${classes - 1}, got ${bad}`);
}

/** The labels of a checked request, int32 `(n,)`. */
export function labelTensor({ n, label }: SampleOptions): HostTensor | undefined {
  if (label === undefined) return undefined;
  return hostTensor(typeof label === "number" ? Array.from({ length: n }, () => label) : label, [n], "int32");
}

/** The tensors of a checked request with one row a sample; `undefined` when there are none. */
export function sampleInputs({ n, inputs = {} }: SampleOptions): Record<string, HostTensor> | undefined {
  const entries = Object.entries(inputs).map(([name, tensor]) => [
    name,
    tensor.shape[0] === n ? tensor : repeatRow(tensor, n),
  ]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function unknownInput(name: string, known: readonly string[]): UserError {
  const what = known.length === 0 ? "this model samples from noise and takes none" : `known: ${known.join(", ")}`;
  return new UserError("@latentkit/core", `unknown sampling input "${name}"${didYouMean(name, known)}; ${what}`);
}

function repeatRow({ data, shape }: HostTensor, n: number): HostTensor {
  const repeated = new Float32Array(n * data.length);
  for (let i = 0; i < n; i++) repeated.set(data, i * data.length);
  return hostTensor(repeated, [n, ...shape.slice(1)]);
}
