import { alongAxis, asFloat, nearestIndices, readsMatrix, samplingOf, transposed } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { registerLowering } from "./registry.js";

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

// tfjs-core's gradient kernel knows aligned corners only.
registerLowering("ResizeNearestNeighborGrad", (b, call) => {
  const { shape } = call.input("images");
  const how = { ...samplingOf(call), halfPixelCenters: false };
  const dx = [1, 2].reduce(
    (dy, axis) => {
      const inSize = shape[axis] as number;
      const picked = nearestIndices(inSize, dy.shape[axis] as number, how);
      const matrix = readsMatrix(
        picked.map((index) => [[index, 1]]),
        inSize,
      );
      return alongAxis(b, dy, axis, transposed(matrix, inSize));
    },
    asFloat(b, call.input("dy")),
  );
  return b.cast(dx, call.out().dtype);
});
