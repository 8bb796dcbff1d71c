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
  /** Tensors that the model's sampler takes, shape `(n, ...)`, or `(1, ...)` for all samples: a prompt, an image to start from, a mask. */
  readonly inputs?: Readonly<Record<string, HostTensor>>;
}

/** A request as several of `size` samples each; what is beyond the last sample repeats it. One row for all stays one. */
export function chunkRequests(request: SampleOptions, size: number): SampleOptions[] {
  const { n, label, inputs = {} } = request;
  if (n <= size) return [request];
  return Array.from({ length: Math.ceil(n / size) }, (_, chunk) => {
    const rows = Array.from({ length: size }, (_, i) => chunk * size + i);
    const labels = Array.isArray(label) ? rows.map((row) => label[Math.min(row, label.length - 1)] as number) : label;
    const parts = Object.entries(inputs).map(([name, tensor]) => [name, gatherRows(tensor, rows, n)]);
    return {
      ...request,
      n: size,
      ...(labels === undefined ? {} : { label: labels }),
      ...(request.inputs ? { inputs: Object.fromEntries(parts) } : {}),
    };
  });
}

/** The rows of some of `n` samples, which stand in the rows' order; samples beyond the last repeat it. One row is left as it is. */
function gatherRows(tensor: HostTensor, samples: readonly number[], n: number): HostTensor {
  const [rows = 0, ...rest] = tensor.shape;
  if (rows === 1) return tensor;
  const size = sizeOf(rest);
  const data = new (tensor.data.constructor as Float32ArrayConstructor)(samples.length * size);
  samples.forEach((sample, i) => {
    const from = Math.floor((Math.min(sample, n - 1) * rows) / n) * size;
    data.set(tensor.data.subarray(from, from + size) as Float32Array, i * size);
  });
  return { ...tensor, data, shape: [samples.length, ...rest] };
}

/** Whether a shape is as asked for; `null` takes any length. */
function fitsShape(shape: readonly number[], asked: SampleInput["shape"]): boolean {
  return shape.length === asked.length && asked.every((size, axis) => size === null || size === shape[axis]);
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
  for (const [name, tensor] of Object.entries(inputs)) {
    const input = taken[name];
    if (input === undefined) throw unknownInput(name, Object.keys(taken));
    checkInput(name, tensor, input, n);
  }
}

function checkInput(name: string, { shape, dtype }: HostTensor, input: SampleInput, n: number): void {
  const { dtype: asked = "float32", spread = false } = input;
  if (dtype !== asked) throw new UserError("@latentkit/core", `${name} must be ${asked}, got ${dtype}`);
  const [rows = 0, ...rest] = shape;
  const isRowCount = rows === n || rows === 1 || (spread && rows > 0 && n % rows === 0);
  if (isRowCount && fitsShape(rest, input.shape)) return;
  const one = input.shape.map((size) => size ?? "length");
  const ways = [
    ...(n === 1 ? [] : [`[${[n, ...one]}]`]),
    `[${[1, ...one]}]`,
    ...(spread ? ["with rows that divide n"] : []),
  ];
  throw new UserError(
    "@latentkit/core",
    `${name} must have shape ${ways.join(" or ")} for n ${n}, got [${shape}]; reshape it`,
  );
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

/** The tensors of a checked request, with one row a sample unless the model spreads them; `undefined` when there are none. */
export function sampleInputs(
  { n, inputs = {} }: SampleOptions,
  taken: Readonly<Record<string, SampleInput>>,
): Record<string, HostTensor> | undefined {
  const entries = Object.entries(inputs).map(([name, tensor]) => [
    name,
    tensor.shape[0] === n || taken[name]?.spread ? tensor : repeatRow(tensor, n),
  ]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function unknownInput(name: string, known: readonly string[]): UserError {
  const what = known.length === 0 ? "this model samples from noise and takes none" : `known: ${known.join(", ")}`;
  return new UserError("@latentkit/core", `unknown sampling input "${name}"${didYouMean(name, known)}; ${what}`);
}

function repeatRow(row: HostTensor, n: number): HostTensor {
  const { data, shape } = row;
  const repeated = new (data.constructor as Float32ArrayConstructor)(n * data.length);
  for (let i = 0; i < n; i++) repeated.set(data as Float32Array, i * data.length);
  return { ...row, data: repeated, shape: [n, ...shape.slice(1)] };
}
