/** The element types that cross an engine's border. */
export type DType = "float32" | "int32" | "bool";

/** Shape and element type of a tensor, no values. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** The typed arrays that hold each {@link DType}. `bool` is one byte an element, 0 or 1. */
export interface DTypeArrays {
  float32: Float32Array;
  int32: Int32Array;
  bool: Uint8Array;
}

/** Values of a tensor in host memory, row-major. */
export interface HostTensor extends TensorSpec {
  readonly data: DTypeArrays[DType];
}

/** Number of elements of a shape, the product of its dimensions; a scalar (`[]`) has one. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** A zero-filled typed array for `size` elements of `dtype`. */
export function allocate<D extends DType>(dtype: D, size: number): DTypeArrays[D] {
  const make: { [K in DType]: (n: number) => DTypeArrays[K] } = {
    float32: (n) => new Float32Array(n),
    int32: (n) => new Int32Array(n),
    bool: (n) => new Uint8Array(n),
  };
  return make[dtype](size);
}

/**
 * Wraps values as a {@link HostTensor}; plain number arrays are copied, typed arrays are kept.
 *
 * @throws RangeError when the number of values does not fill the shape.
 */
export function hostTensor(
  values: ArrayLike<number> | DTypeArrays[DType],
  shape: readonly number[],
  dtype: DType = "float32",
): HostTensor {
  if (values.length !== sizeOf(shape)) {
    throw new RangeError(`hostTensor: ${values.length} values do not fill shape [${shape}]`);
  }
  const ctor = { float32: Float32Array, int32: Int32Array, bool: Uint8Array }[dtype];
  if (values instanceof ctor) return { shape, dtype, data: values };
  const data = allocate(dtype, values.length);
  for (let i = 0; i < values.length; i++) data[i] = values[i] as number;
  return { shape, dtype, data };
}

/** Whether two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** Whether two specs have the same shape and dtype. */
export function sameSpec(a: TensorSpec, b: TensorSpec): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

/** `float32[128,784]`: the way messages print a spec. */
export function formatSpec({ dtype, shape }: TensorSpec): string {
  return `${dtype}[${shape.join(",")}]`;
}
