import type { OnnxValue } from "../proto.js";
import { product, range } from "./axes.js";
import type { OnnxBuilder } from "./builder.js";
import { asFloat } from "./elementwise.js";
import { type Call, registerLowering } from "./registry.js";

/** What an output position reads along one axis: input positions with weights. */
type Reads = readonly (readonly [index: number, weight: number])[];

interface Sampling {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

const sampling = ({ attr }: Call): Sampling => ({
  alignCorners: attr<boolean>("alignCorners") ?? false,
  halfPixelCenters: attr<boolean>("halfPixelCenters") ?? false,
});

function ratioOf(inSize: number, outSize: number, { alignCorners }: Sampling): number {
  const corner = alignCorners && outSize > 1 ? 1 : 0;
  return (inSize - corner) / (outSize - corner);
}

function bilinear(inSize: number, outSize: number, how: Sampling): Reads[] {
  const ratio = ratioOf(inSize, outSize, how);
  return range(outSize).map((i) => {
    const source = how.halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i;
    const low = Math.max(0, Math.floor(source));
    const high = Math.min(inSize - 1, Math.ceil(source));
    return [
      [low, 1 - (source - low)],
      [high, source - low],
    ];
  });
}

function nearest(inSize: number, outSize: number, how: Sampling): number[] {
  const ratio = ratioOf(inSize, outSize, how);
  return range(outSize).map((i) => {
    const source = ratio * (how.halfPixelCenters ? i + 0.5 : i);
    return Math.max(0, Math.min(inSize - 1, how.alignCorners ? Math.round(source) : Math.floor(source)));
  });
}

/** `(outSize, inSize)`. */
function toMatrix(reads: readonly Reads[], inSize: number): number[][] {
  return reads.map((row) => {
    const weights = new Array<number>(inSize).fill(0);
    for (const [index, weight] of row) weights[index] = (weights[index] as number) + weight;
    return weights;
  });
}

const transposed = (matrix: readonly number[][], columns: number): number[][] =>
  range(columns).map((j) => matrix.map((row) => row[j] as number));

/** Multiplies every spatial axis of `(N, …space, C)` by a matrix of its own, `(new size, old size)`. */
export function alongAxes(b: OnnxBuilder, x: OnnxValue, matrices: readonly number[][][]): OnnxValue {
  return matrices.reduce((y, matrix, i) => {
    const axis = i + 1;
    const size = y.shape[axis] as number;
    const isIdentity =
      matrix.length === size && matrix.every((row, r) => row.every((value, c) => value === (r === c ? 1 : 0)));
    if (isIdentity) return y;
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
    return toMatrix(bilinear(inSize, out, sampling(call)), inSize);
  });
  return alongAxes(b, x, matrices);
});

registerLowering("ResizeNearestNeighbor", (b, call) => {
  const size = call.attr<[number, number]>("size");
  return size.reduce(
    (y, out, i) => pickAlong(b, y, i + 1, nearest(y.shape[i + 1] as number, out, sampling(call))),
    call.input("images"),
  );
});

function pickAlong(b: OnnxBuilder, x: OnnxValue, axis: number, indices: readonly number[]): OnnxValue {
  if (indices.length === x.shape[axis] && indices.every((index, i) => index === i)) return x;
  return b.gather(x, b.ints(indices), axis);
}

// tfjs-core's gradient kernels know aligned corners only.
registerLowering("ResizeBilinearGrad", (b, call) =>
  resizeGradient(b, call, (inSize, out, how) => toMatrix(bilinear(inSize, out, how), inSize)),
);
registerLowering("ResizeNearestNeighborGrad", (b, call) =>
  resizeGradient(b, call, (inSize, out, how) =>
    toMatrix(
      nearest(inSize, out, how).map((index) => [[index, 1]]),
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
  const how = { alignCorners: sampling(call).alignCorners, halfPixelCenters: false };
  const matrices = [1, 2].map((axis) => {
    const inSize = shape[axis] as number;
    return transposed(matrixOf(inSize, dy.shape[axis] as number, how), inSize);
  });
  return b.cast(alongAxes(b, dy, matrices), call.out().dtype);
}
