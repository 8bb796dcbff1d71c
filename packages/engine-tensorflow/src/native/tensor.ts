import { allocate, type DType, type HostTensor, sizeOf, type TensorSpec } from "@latentkit/jit";
import { checked, type Pointer, type TensorFlow } from "./tensorflow.js";

/** Element types of values in a graph; those of {@link DType} cross the engine's border. */
export type TfType = DType | "int64" | "float64" | "bfloat16" | "resource";

/** `TF_DataType`. */
export const DATA_TYPE: Readonly<Record<TfType, number>> = {
  float32: 1,
  float64: 2,
  int32: 3,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  resource: 20,
};

/** Dimensions as the C API takes them. */
export function dims(shape: readonly number[]): BigInt64Array {
  return BigInt64Array.from(shape, BigInt);
}

/** Elements of a constant, in an array of their type. */
export type Elements = Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;

/** A new `TF_Tensor` with a copy of the elements; the caller deletes it. */
export function newTensor(
  tf: TensorFlow,
  type: Exclude<TfType, "resource" | "bfloat16">,
  shape: readonly number[],
  data: Elements,
): Pointer {
  const tensor = tf.TF_AllocateTensor(DATA_TYPE[type], dims(shape), shape.length, data.byteLength) as Pointer;
  if (data.byteLength > 0) tf.copy(tf.TF_TensorData(tensor), data, data.byteLength);
  return tensor;
}

/** A new `TFE_TensorHandle` with a copy of the elements; the caller deletes it. */
export function newHandle(tf: TensorFlow, { dtype, shape, data }: HostTensor): Pointer {
  const tensor = newTensor(tf, dtype, shape, data);
  try {
    return checked(tf, (status) => tf.TFE_NewTensorHandle(tensor, status));
  } finally {
    tf.TF_DeleteTensor(tensor);
  }
}

/** Copies the elements behind a handle to the host, from whatever device they are on. */
export function readHandle(tf: TensorFlow, handle: Pointer, { dtype, shape }: TensorSpec): HostTensor {
  const tensor = checked(tf, (status) => tf.TFE_TensorHandleResolve(handle, status)) as Pointer;
  try {
    const data = allocate(dtype, sizeOf(shape));
    if (data.byteLength > 0) tf.copy(data, tf.TF_TensorData(tensor), data.byteLength);
    return { shape, dtype, data };
  } finally {
    tf.TF_DeleteTensor(tensor);
  }
}
