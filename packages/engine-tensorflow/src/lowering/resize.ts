import { alongAxis, asFloat, nearestIndices, readsMatrix, samplingOf, transposed } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";
import { registerLowering } from "./registry.js";

/** The factor by which every pixel is repeated, if that is what the indices say. */
function repetition(indices: readonly number[], size: number): number | undefined {
  const factor = indices.length / size;
  return indices.every((index, i) => index === Math.floor(i / factor)) ? factor : undefined;
}

/** Picks positions along an axis. */
function pick(b: GraphBuilder, x: TfValue, axis: number, indices: readonly number[]): TfValue {
  const factor = repetition(indices, x.shape[axis] as number);
  if (factor === undefined || !Number.isInteger(factor)) return b.gather(x, b.ints(indices), axis);
  const [before, after] = [x.shape.slice(0, axis + 1), x.shape.slice(axis + 1)];
  const repeated = b.expand(b.reshape(x, [...before, 1, ...after]), [...before, factor, ...after]);
  return b.reshape(repeated, [...x.shape.slice(0, axis), indices.length, ...after]);
}

/** The gradient of {@link pick}: what was read several times collects several gradients. */
function gatherBack(b: GraphBuilder, dy: TfValue, axis: number, indices: readonly number[], size: number): TfValue {
  const factor = repetition(indices, size);
  if (factor === undefined || !Number.isInteger(factor)) {
    const matrix = readsMatrix(
      indices.map((index) => [[index, 1]]),
      size,
    );
    return alongAxis(b, dy, axis, transposed(matrix, size));
  }
  const split = b.reshape(dy, [...dy.shape.slice(0, axis), size, factor, ...dy.shape.slice(axis + 1)]);
  return b.reduce("Sum", split, [axis + 1]);
}

const SPACE = [1, 2] as const;

registerLowering("ResizeNearestNeighbor", (b, call) => {
  const size = call.attr<[number, number]>("size");
  const how = samplingOf(call);
  return SPACE.reduce(
    (y, axis) => pick(b, y, axis, nearestIndices(y.shape[axis] as number, size[axis - 1] as number, how)),
    call.input("images"),
  );
});

// tfjs-core's gradient kernel knows aligned corners only.
registerLowering("ResizeNearestNeighborGrad", (b, call) => {
  const { shape } = call.input("images");
  const how = { ...samplingOf(call), halfPixelCenters: false };
  const dx = SPACE.reduce(
    (dy, axis) => {
      const inSize = shape[axis] as number;
      return gatherBack(b, dy, axis, nearestIndices(inSize, dy.shape[axis] as number, how), inSize);
    },
    asFloat(b, call.input("dy")),
  );
  return b.cast(dx, call.out().dtype);
});
