import { extname } from "node:path";
import { type Dataset, type HostTensor, hostTensor, sizeOf, UserError } from "@latentkit/core";
import { bytesOf, type Drawing, encodeNpy, encodeNpz, endingOf, rowsOf, writeFileAtomic } from "@latentkit/core/node";

/** What a command writes: numbers, and how they can be drawn. */
export interface TensorOutput {
  readonly x: HostTensor;
  /** Further tensors of an `.npz`. */
  readonly more?: Readonly<Record<string, HostTensor>>;
  /** Names of the columns of a table, when the last dimension has them. */
  readonly columns?: readonly string[] | undefined;
  /** Values a second, when it is sound. */
  readonly sampleRate?: number | undefined;
  /** Absent when there is no picture of it. */
  draw?(): Promise<Drawing>;
}

const NUMBERS = [".npy", ".npz", ".csv", ".json"];

/**
 * Writes a tensor in the format that the file's name asks for.
 *
 * @throws UserError for an ending that does not fit, or a file that cannot be written.
 */
export async function writeOutput(path: string, output: TensorOutput): Promise<void> {
  const { x, more = {} } = output;
  switch (extname(path).toLowerCase()) {
    case ".npy":
      return writeFileAtomic(path, encodeNpy(x));
    case ".npz":
      return writeFileAtomic(path, encodeNpz({ x, ...more }));
    case ".csv":
      return writeFileAtomic(path, formatCsv(output));
    case ".json":
      return writeFileAtomic(path, `${JSON.stringify({ shape: x.shape, values: nested(x) })}\n`);
    case ".wav":
      return writeFileAtomic(path, await soundOf(output));
    default:
      return writeDrawing(path, output);
  }
}

async function soundOf({ x, sampleRate }: TensorOutput): Promise<Uint8Array> {
  if (sampleRate === undefined)
    throw new UserError("@latentkit/cli", "--out …wav: the data are no sound; choose another ending");
  const { encodeWav } = await import("@latentkit/datasets");
  return encodeWav(x, sampleRate);
}

/** Refuses an ending before any work is done. @throws UserError. */
export function checkEnding(path: string, drawings: readonly string[]): void {
  const known = [...drawings, ...NUMBERS];
  if (known.includes(extname(path).toLowerCase())) return;
  throw new UserError("@latentkit/cli", `--out ${path} must end in one of ${known.join(", ")}`);
}

async function writeDrawing(path: string, { draw }: TensorOutput): Promise<void> {
  const drawing = await draw?.();
  checkEnding(path, drawing === undefined ? [] : [`.${endingOf(drawing)}`]);
  return writeFileAtomic(path, bytesOf(drawing as Drawing));
}

/** One row an example, its values flattened. */
function formatCsv({ x, columns }: TensorOutput): string {
  const width = sizeOf(x.shape.slice(1));
  const names = columns?.length === width ? columns : Array.from({ length: width }, (_, i) => `x${i}`);
  const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return `${[names.map(cell), ...rowsOf(x)].map((row) => row.join(",")).join("\n")}\n`;
}

/** Arrays in arrays, as the shape says. */
function nested({ shape, data }: HostTensor): unknown {
  const [, ...rest] = shape;
  let values: unknown[] = Array.from(data);
  for (const size of [...rest].reverse()) {
    values = Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
  }
  return values;
}

/** Values of a table in its own units; other data as they are. */
export function inRawUnits(x: HostTensor, { standardization }: Pick<Dataset, "standardization">): HostTensor {
  if (standardization === undefined) return x;
  const { mean, std } = standardization;
  const raw = Float32Array.from(
    x.data,
    (value, i) => value * (std[i % std.length] as number) + (mean[i % mean.length] as number),
  );
  return hostTensor(raw, x.shape);
}
