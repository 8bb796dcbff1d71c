import {
  add,
  cast,
  eye,
  gather,
  gatherND,
  greaterEqual,
  maximum,
  mul,
  reshape,
  scalar,
  scatterND,
  sum,
  type Tensor,
  type Tensor1D,
  tensor2d,
  tensorScatterUpdate,
  transpose,
  unsortedSegmentSum,
  util,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { defineGradient } from "./define.js";
import { zeros } from "./shapes.js";

defineGradient("GatherV2", ["x", "indices"], (dy, { x, indices }, { axis, batchDims }) => ({
  x: () =>
    gatherGradient(
      dy,
      x,
      indices,
      util.parseAxisParam(axis as number, x.shape)[0] as number,
      (batchDims as number) ?? 0,
    ),
  indices: () => zeros(indices.shape),
}));

/** Adds the rows of `dy` that were read from the same place, as one segment sum over all batches. */
function gatherGradient(dy: Tensor, x: Tensor, indices: Tensor, axis: number, batchDims: number): Tensor {
  const batch = util.sizeFromShape(x.shape.slice(0, batchDims));
  const outer = util.sizeFromShape(x.shape.slice(batchDims, axis));
  const inner = util.sizeFromShape(x.shape.slice(axis + 1));
  const n = x.shape[axis] as number;
  const count = indices.size / batch;
  const picked = swapMiddle(reshape(dy, [batch, outer, count, inner]));
  const segments = segmentIds(indices, batch, count, n);
  const summed = unsortedSegmentSum(reshape(picked, [batch * count, outer * inner]), segments, batch * n);
  return reshape(swapMiddle(reshape(summed, [batch, n, outer, inner])), x.shape);
}

function swapMiddle(t: Tensor): Tensor {
  return t.shape[1] === 1
    ? reshape(t, [t.shape[0], t.shape[2], 1, t.shape[3]] as number[])
    : transpose(t, [0, 2, 1, 3]);
}

/** Indices made unique across batches: batch `b` owns `b * n … b * n + n - 1`. */
function segmentIds(indices: Tensor, batch: number, count: number, n: number): Tensor1D {
  if (batch === 1) return reshape(indices, [count]) as Tensor1D;
  const offsets = tensor2d(
    Int32Array.from({ length: batch }, (_, b) => b * n),
    [batch, 1],
    "int32",
  );
  return reshape(add(reshape(indices, [batch, count]), offsets), [batch * count]) as Tensor1D;
}

// Rows with a negative segment belong to none.
defineGradient("UnsortedSegmentSum", ["x", "segmentIds"], (dy, { x, segmentIds: ids }) => ({
  x: () => {
    const rows = gather(dy, maximum(ids, scalar(0, "int32")));
    const kept = cast(greaterEqual(ids, scalar(0, "int32")), "float32");
    return mul(rows, reshape(kept, [...ids.shape, ...x.shape.slice(ids.rank).map(() => 1)]));
  },
  segmentIds: () => zeros(ids.shape),
}));

defineGradient("GatherNd", ["params", "indices"], (dy, { params, indices }) => ({
  params: () => scatterND(indices, dy, params.shape),
  indices: () => zeros(indices.shape),
}));

defineGradient("ScatterNd", ["indices"], (dy, { indices }) => ({
  updates: () => gatherND(dy, indices),
  indices: () => zeros(indices.shape),
}));

defineGradient("TensorScatterUpdate", ["indices", "updates"], (dy, { indices, updates }) => ({
  tensor: () => tensorScatterUpdate(dy, indices, zerosLike(updates)),
  updates: () => gatherND(dy, indices),
  indices: () => zeros(indices.shape),
}));

defineGradient("Diag", ["x"], (dy, { x }) => ({
  x: () => reshape(sum(mul(reshape(dy, [x.size, x.size]), eye(x.size)), 1), x.shape),
}));
