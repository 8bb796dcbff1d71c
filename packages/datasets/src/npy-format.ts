import { unzipSync } from "fflate";
import type { SourceFile } from "./file.js";
import { refusal } from "./refusal.js";

/** The element types that are read. */
export type NpyArrays = Float32Array | Float64Array | Uint8Array | Int32Array | BigInt64Array;

/** An array of NumPy's, in C order. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
export interface NpyArray {
  readonly shape: readonly number[];
  /** NumPy's name of the element type: `<f4`, `<f8`, `|u1`, `|b1`, `<i4`, `<i8`. */
  readonly descr: string;
  readonly data: NpyArrays;
}

const MAGIC = "\x93NUMPY";

const ELEMENT_TYPES: Readonly<Record<string, new (buffer: ArrayBuffer) => NpyArrays>> = {
  "<f4": Float32Array,
  "<f8": Float64Array,
  "|u1": Uint8Array,
  "|b1": Uint8Array,
  "<i4": Int32Array,
  "<i8": BigInt64Array,
};

/**
 * Parses a `.npy` file, versions 1 to 3; arrays in Fortran order are transposed.
 *
 * @throws UserError for another format, an element type that is not read, or a file that does not fill the shape.
 */
export function parseNpy({ path, bytes }: Pick<SourceFile, "path" | "bytes">): NpyArray {
  const { descr, isFortran, shape, start } = parseHeader(path, bytes);
  const type = ELEMENT_TYPES[descr];
  if (!type) {
    throw refusal(
      `${path} holds elements of type ${descr}; read are ${Object.keys(ELEMENT_TYPES).join(", ")}: convert it, e.g. with a.astype("<f4")`,
    );
  }
  const size = shape.reduce((product, dim) => product * dim, 1);
  const expected = start + size * Number(descr.slice(2));
  if (bytes.length !== expected) {
    const verb = bytes.length < expected ? "is truncated" : "is too long";
    throw refusal(
      `${path} ${verb}: ${bytes.length} bytes, its header (${shape.join(" x ")} of ${descr}) needs ${expected}; save it again`,
    );
  }
  const data = new type(new Uint8Array(bytes.subarray(start)).buffer);
  return { shape, descr, data: isFortran ? toRowMajor(data, shape) : data };
}

interface NpyHeader {
  readonly descr: string;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
  /** Position of the first element. */
  readonly start: number;
}

function parseHeader(path: string, bytes: Uint8Array): NpyHeader {
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  if (magic !== MAGIC || bytes.length < 12)
    throw refusal(`${path} is not a .npy file: its first bytes are not \\x93NUMPY; save it with numpy.save`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isFirstVersion = bytes[6] === 1;
  const from = isFirstVersion ? 10 : 12;
  const start = from + (isFirstVersion ? view.getUint16(8, true) : view.getUint32(8, true));
  const text = new TextDecoder().decode(bytes.subarray(from, start));
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const dims = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || dims === undefined) {
    throw refusal(
      `${path} has a header that is not read (structured arrays are not): ${text.trim()}; save plain arrays`,
    );
  }
  const shape = dims
    .split(",")
    .map((dim) => dim.trim())
    .filter(Boolean)
    .map(Number);
  return { descr, isFortran: order === "True", shape, start };
}

/** Copies an array whose first index varies fastest into one whose last does. */
function toRowMajor<A extends NpyArrays>(data: A, shape: readonly number[]): A {
  const out = data.slice() as A;
  const index = shape.map(() => 0);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, dim) => product * dim, 1));
  for (let to = 0; to < data.length; to++) {
    out[to] = data[index.reduce((sum, i, axis) => sum + i * (strides[axis] as number), 0)] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return out;
}

/** Parses a `.npz` archive: arrays by name, without the ending `.npy`. @throws UserError when it is damaged. */
export function parseNpz({ path, bytes }: Pick<SourceFile, "path" | "bytes">): Record<string, NpyArray> {
  const files = unzip(path, bytes);
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [
      name.replace(/\.npy$/, ""),
      parseNpy({ path: `${path}/${name}`, bytes: content }),
    ]),
  );
}

function unzip(path: string, bytes: Uint8Array): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes);
  } catch (error) {
    throw refusal(
      `${path} is not a readable .npz file (${(error as Error).message}); save it again with numpy.savez`,
      error,
    );
  }
}
