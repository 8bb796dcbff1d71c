import { SCALE_BYTES_WASM } from "./scale-bytes.wasm.js";

/**
 * Collects rows of bytes as float32 in `[0, 1]`: `byte / 255`, correctly rounded.
 *
 * @param bytes Row-major, rows of `width` bytes.
 * @param rows Which rows, in which order; each must exist.
 * @returns A new array of `rows.length * width` values.
 */
export type GatherScaled = (bytes: Uint8Array, width: number, rows: ArrayLike<number>) => Float32Array;

let fastest: GatherScaled | undefined;

/** The fastest {@link GatherScaled} on this machine; all ways give the same bits. */
export const gatherScaled: GatherScaled = (bytes, width, rows) => {
  fastest ??= createGatherSimd() ?? gatherScaledJs;
  return fastest(bytes, width, rows);
};

const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** {@link GatherScaled} in plain TypeScript: the definition, and what runs where WebAssembly SIMD is missing. */
export function gatherScaledJs(bytes: Uint8Array, width: number, rows: ArrayLike<number>): Float32Array {
  const out = new Float32Array(rows.length * width);
  for (let i = 0, to = 0; i < rows.length; i++) {
    const from = (rows[i] as number) * width;
    for (let k = from; k < from + width; k++) out[to++] = UNIT[bytes[k] as number] as number;
  }
  return out;
}

interface ScaleModule {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  scale(count: number, to: number): void;
}

const PAGE = 65536;
const GROUP = 16;

/** Bytes that one call of the module works on when rows are short: with their floats they stay in a core's cache. */
const CHUNK = 32768;

/** {@link GatherScaled} in WebAssembly SIMD, or `undefined` where that cannot run (old browsers, content security policies). */
export function createGatherSimd(): GatherScaled | undefined {
  const module = instantiate();
  if (module === undefined) return undefined;
  return (bytes, width, rows) => {
    const rowsPerCall = Math.max(1, Math.floor(CHUNK / width));
    const to = Math.ceil((rowsPerCall * width) / GROUP) * GROUP;
    growTo(module, 5 * to);
    const source = new Uint8Array(module.memory.buffer);
    const out = new Float32Array(rows.length * width);
    for (let start = 0; start < rows.length; start += rowsPerCall) {
      const n = Math.min(rowsPerCall, rows.length - start);
      for (let i = 0; i < n; i++) {
        const from = (rows[start + i] as number) * width;
        source.set(bytes.subarray(from, from + width), i * width);
      }
      module.scale(n * width, to);
      out.set(new Float32Array(module.memory.buffer, to, n * width), start * width);
    }
    return out;
  };
}

function growTo({ memory }: ScaleModule, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
}

function instantiate(): ScaleModule | undefined {
  if (typeof WebAssembly === "undefined") return undefined;
  try {
    const bytes = Uint8Array.from(atob(SCALE_BYTES_WASM), (char) => char.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as ScaleModule;
  } catch {
    return undefined;
  }
}
