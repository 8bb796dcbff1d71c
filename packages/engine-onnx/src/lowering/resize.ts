import {
  bilinearReads,
  isIdentity,
  nearestIndices,
  product,
  readsMatrix,
  type Sampling,
  samplingOf,
  transposed,
} from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { asFloat } from "./elementwise.js";
import { type Call, registerLowering } from "./registry.js";

/** Multiplies every spatial axis of `(N, …space, C)` by a matrix of its own, `(new size, old size)`. */
export function alongAxes(b: OnnxBuilder, x: OnnxValue, matrices: readonly number[][][]): OnnxValue {
  return matrices.reduce((y, matrix, i) => {
    const axis = i + 1;
    const size = y.shape[axis] as number;
    if (isIdentity(matrix, size)) return y;
    const rows = b.reshape(y, [product(y.shape.slice(0, axis)), size, product(y.shape.slice(axis + 1))]);
    const weights = b.constant(matrix.flat(), [matrix.length, size]);
    const shape = y.shape.map((dim, j) => (j === axis ? matrix.length : dim));
    return b.reshape(b.matMul(weights, rows), shape);
  }, x);
}

registerLowering("ResizeBilinear", (b, call) => {
  const x = asFloat(b, call.input("images"));
  const size = call.attr<[number, number]>("size");
  const matrices = size.map((out, i) => {
    const inSize = x.shape[i + 1] as number;
    return readsMatrix(bilinearReads(inSize, out, samplingOf(call)), inSize);
  });
  return alongAxes(b, x, matrices);
});

registerLowering("ResizeNearestNeighbor", (b, call) => {
  const size = call.attr<[number, number]>("size");
  return size.reduce(
    (y, out, i) => pickAlong(b, y, i + 1, nearestIndices(y.shape[i + 1] as number, out, samplingOf(call))),
    call.input("images"),
  );
});

function pickAlong(b: OnnxBuilder, x: OnnxValue, axis: number, indices: readonly number[]): OnnxValue {
  if (indices.length === x.shape[axis] && indices.every((index, i) => index === i)) return x;
  return b.gather(x, b.ints(indices), axis);
}

// tfjs-core's gradient kernels know aligned corners only.
registerLowering("ResizeBilinearGrad", (b, call) =>
  resizeGradient(b, call, (inSize, out, how) => readsMatrix(bilinearReads(inSize, out, how), inSize)),
);
registerLowering("ResizeNearestNeighborGrad", (b, call) =>
  resizeGradient(b, call, (inSize, out, how) =>
    readsMatrix(
      nearestIndices(inSize, out, how).map((index) => [[index, 1]]),
      inSize,
    ),
  ),
);

function resizeGradient(
  b: OnnxBuilder,
  call: Call,
  matrixOf: (inSize: number, outSize: number, how: Sampling) => number[][],
): OnnxValue {
  const { shape } = call.input("images");
  const dy = asFloat(b, call.input("dy"));
  const how = { alignCorners: samplingOf(call).alignCorners, halfPixelCenters: false };
  const matrices = [1, 2].map((axis) => {
    const inSize = shape[axis] as number;
    return transposed(matrixOf(inSize, dy.shape[axis] as number, how), inSize);
  });
  return b.cast(alongAxes(b, dy, matrices), call.out().dtype);
}
