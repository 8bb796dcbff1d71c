import { product } from "./axes.js";
import { asFloat } from "./elementwise.js";
import type { KernelBuilder, LoweredValue } from "./kernel-builder.js";
import type { Register } from "./registry.js";
import { bilinearReads, isIdentity, readsMatrix, samplingOf, transposed } from "./sampling.js";

/** The spatial axes of `(N, H, W, C)`. */
const SPACE = [1, 2] as const;

/** Declares bilinear resizing, as a product with a matrix along each spatial axis. */
export function registerBilinearResizing<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  register("ResizeBilinear", (b, call) => {
    const size = call.attr<[number, number]>("size");
    return SPACE.reduce(
      (y, axis) => {
        const inSize = y.shape[axis] as number;
        const reads = bilinearReads(inSize, size[axis - 1] as number, samplingOf(call));
        return alongAxis(b, y, axis, readsMatrix(reads, inSize));
      },
      asFloat(b, call.input("images")),
    );
  });

  // tfjs-core's gradient kernels know aligned corners only.
  register("ResizeBilinearGrad", (b, call) => {
    const { shape } = call.input("images");
    const how = { ...samplingOf(call), halfPixelCenters: false };
    const dx = SPACE.reduce(
      (dy, axis) => {
        const inSize = shape[axis] as number;
        const matrix = readsMatrix(bilinearReads(inSize, dy.shape[axis] as number, how), inSize);
        return alongAxis(b, dy, axis, transposed(matrix, inSize));
      },
      asFloat(b, call.input("dy")),
    );
    return b.cast(dx, call.out().dtype);
  });
}

/** Multiplies an axis by a matrix, `(new size, old size)`. */
export function alongAxis<V extends LoweredValue>(
  b: KernelBuilder<V>,
  x: V,
  axis: number,
  matrix: readonly number[][],
): V {
  const size = x.shape[axis] as number;
  if (isIdentity(matrix, size)) return x;
  const rows = b.reshape(x, [product(x.shape.slice(0, axis)), size, product(x.shape.slice(axis + 1))]);
  const weights = b.constant(matrix.flat(), [1, matrix.length, size]);
  const shape = x.shape.map((dim, i) => (i === axis ? matrix.length : dim));
  return b.reshape(b.matMul(weights, rows), shape);
}
