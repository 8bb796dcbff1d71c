import type { DTypeArrays } from "../host-tensor.js";

/** The typed arrays of every type that constants of an engine's graph may have. */
export interface ElementArrays extends DTypeArrays {
  float64: Float64Array;
  uint8: Uint8Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
}

/** The type of a constant's elements. */
export type ElementType = keyof ElementArrays;

/** A constant of up to this many elements is small. */
export const SMALL_CONSTANT = 64;

type Numbers = ArrayLike<number>;

const bigs = (values: Numbers): bigint[] => Array.from(values, BigInt);

const CONVERTERS: { readonly [T in ElementType]: (values: Numbers) => ElementArrays[T] } = {
  float32: (values) => (values instanceof Float32Array ? values : Float32Array.from(values)),
  float64: (values) => Float64Array.from(values),
  bool: (values) => (values instanceof Uint8Array ? values : Uint8Array.from(values)),
  uint8: (values) => (values instanceof Uint8Array ? values : Uint8Array.from(values)),
  int32: (values) => (values instanceof Int32Array ? values : Int32Array.from(values)),
  uint32: (values) => Uint32Array.from(values),
  int64: (values) => BigInt64Array.from(bigs(values)),
  uint64: (values) => BigUint64Array.from(bigs(values)),
};

/** Values in an array of their type; one that is such an array already is kept. */
export function elementsOf<T extends ElementType>(values: Numbers, type: T): ElementArrays[T] {
  return CONVERTERS[type](values);
}

/** The constants of a graph that is being written: small ones that are equal are one value. `V` is what the engine calls a value. */
export class SharedConstants<V> {
  readonly #known = new Map<string, V>();

  /** The value of such a constant: the one that is there, or what `write` writes. */
  of(data: ElementArrays[ElementType], shape: readonly number[], type: ElementType, write: () => V): V {
    if (data.length > SMALL_CONSTANT) return write();
    const key = `${type}[${shape}]${new Uint8Array(data.buffer, data.byteOffset, data.byteLength)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const value = write();
    this.#known.set(key, value);
    return value;
  }
}
