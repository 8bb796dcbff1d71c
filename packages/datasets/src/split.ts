import { type HostTensor, hostTensor, type Split } from "@latentkit/core";
import { gatherScaled } from "./scale-bytes.js";

/**
 * Examples stored as bytes, given out as float32 in `[0, 1]` (`byte / 255`).
 *
 * @param bytes Row-major, `size * product(shape)` values.
 */
export function byteSplit(bytes: Uint8Array, shape: readonly number[], labels?: Uint8Array | Int32Array): Split {
  const width = widthOf(shape);
  return splitOf(bytes.length / width, shape, "float32", labels, (indices) => gatherScaled(bytes, width, indices));
}

/** Examples stored and given out as float32. @param values Row-major, `size * product(shape)` values. */
export function floatSplit(values: Float32Array, shape: readonly number[], labels?: Uint8Array | Int32Array): Split {
  const width = widthOf(shape);
  return splitOf(values.length / width, shape, "float32", labels, (indices) => {
    const x = new Float32Array(indices.length * width);
    for (let i = 0; i < indices.length; i++) {
      const from = (indices[i] as number) * width;
      x.set(values.subarray(from, from + width), i * width);
    }
    return x;
  });
}

/**
 * Windows of a token sequence: example `i` is `tokens[i * stride .. i * stride + width)`.
 *
 * @param tokens At least `width` tokens.
 */
export function tokenSplit(tokens: Uint8Array | Uint16Array | Int32Array, width: number, stride: number): Split {
  const size = Math.floor((tokens.length - width) / stride) + 1;
  return splitOf(size, [width], "int32", undefined, (indices) => {
    const x = new Int32Array(indices.length * width);
    for (let i = 0; i < indices.length; i++) {
      const from = (indices[i] as number) * stride;
      x.set(tokens.subarray(from, from + width), i * width);
    }
    return x;
  });
}

function splitOf(
  size: number,
  shape: readonly number[],
  dtype: "float32" | "int32",
  labels: Uint8Array | Int32Array | undefined,
  collect: (indices: ArrayLike<number>) => Float32Array | Int32Array,
): Split {
  const x = { shape: [...shape], dtype };
  return {
    size,
    fields: labels ? { x, label: { shape: [], dtype: "int32" } } : { x },
    gather(indices) {
      checkIndices(indices, size);
      const n = indices.length;
      const fields: Record<string, HostTensor> = { x: hostTensor(collect(indices), [n, ...shape], dtype) };
      if (labels) fields.label = hostTensor(pick(labels, indices), [n], "int32");
      return fields;
    },
  };
}

function pick(labels: Uint8Array | Int32Array, indices: ArrayLike<number>): Int32Array {
  const out = new Int32Array(indices.length);
  for (let i = 0; i < out.length; i++) out[i] = labels[indices[i] as number] as number;
  return out;
}

export function checkIndices(indices: ArrayLike<number>, size: number): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    if (!(index >= 0 && index < size && Number.isInteger(index))) {
      throw new RangeError(`gather: index ${index} at position ${i} is not an integer in [0, ${size})`);
    }
  }
}

function widthOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
