import { PHILOX_WASM } from "./philox.wasm.js";
import type { Fill } from "./philox-js.js";

/** Words in the module's one page of memory. */
const CHUNK = 16384;

/** A group of four blocks: the module works on multiples of it. */
const GROUP = 16;

interface PhiloxModule {
  readonly memory: { readonly buffer: ArrayBuffer };
  bits(k0: number, k1: number, block: number, bytes: number): void;
  uniform(bytes: number): void;
  normal(bytes: number): void;
}

/** The part of the JavaScript API that is used; typed here because not every lib of TypeScript declares it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/** The assembled module, or `undefined` where WebAssembly SIMD is missing or forbidden (old browsers, content security policies). */
function instantiate(): PhiloxModule | undefined {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyApi };
  if (WebAssembly === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(PHILOX_WASM), (char) => char.charCodeAt(0));
    return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as PhiloxModule;
  } catch {
    return undefined;
  }
}

/** {@link Fill} in WebAssembly SIMD, or `undefined` where that cannot run. Works in chunks of one page, so memory stays at 64 KiB. */
export function createFillSimd(): Fill | undefined {
  const module = instantiate();
  if (module === undefined) return undefined;
  const words = new Int32Array(module.memory.buffer);
  const floats = new Float32Array(module.memory.buffer);
  return (distribution, key, out) => {
    const source = distribution === "bits" ? words : floats;
    for (let start = 0; start < out.length; start += CHUNK) {
      const count = Math.min(CHUNK, out.length - start);
      const bytes = Math.ceil(count / GROUP) * GROUP * 4;
      module.bits(key[0] as number, key[1] as number, start >>> 2, bytes);
      if (distribution !== "bits") module[distribution](bytes);
      out.set(count === CHUNK ? source : source.subarray(0, count), start);
    }
  };
}
