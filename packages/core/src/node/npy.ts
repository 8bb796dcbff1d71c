/**
 * NumPy's files. Source: numpy.lib.format, version 1.0, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import type { HostTensor } from "@latentkit/jit";
import { zipSync } from "fflate";
import { writeFileAtomic } from "./files.js";

const DESCR = { float32: "<f4", int32: "<i4", bool: "|b1" } as const;
/** Data start at a multiple of this, so that they can be mapped into memory. */
const ALIGNMENT = 64;

/** The bytes of a `.npy` file; little-endian, C order. */
export function encodeNpy({ shape, dtype, data }: HostTensor): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${DESCR[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const size = Math.ceil((10 + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const file = new Uint8Array(size + data.byteLength);
  file.set([0x93, ...Buffer.from("NUMPY"), 1, 0]);
  new DataView(file.buffer).setUint16(8, size - 10, true);
  file.set(Buffer.from(`${dict.padEnd(size - 11)}\n`), 10);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), size);
  return file;
}

/** The bytes of a `.npz` file: one `.npy` a tensor, not compressed, as `numpy.savez` writes. Equal tensors give equal bytes. */
export function encodeNpz(tensors: Readonly<Record<string, HostTensor>>): Uint8Array {
  const files = Object.entries(tensors).map(([name, tensor]) => [`${name}.npy`, encodeNpy(tensor)] as const);
  return zipSync(Object.fromEntries(files), { level: 0, mtime: new Date(1980, 0, 1) });
}

/** @throws UserError when the file cannot be written. */
export async function writeNpy(path: string, tensor: HostTensor): Promise<void> {
  await writeFileAtomic(path, encodeNpy(tensor));
}

/** @throws UserError when the file cannot be written. */
export async function writeNpz(path: string, tensors: Readonly<Record<string, HostTensor>>): Promise<void> {
  await writeFileAtomic(path, encodeNpz(tensors));
}
