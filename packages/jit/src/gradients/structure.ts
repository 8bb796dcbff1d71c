import {
  backend_util,
  batchToSpaceND,
  concat,
  reshape,
  reverse,
  slice,
  spaceToBatchND,
  split,
  stack,
  type Tensor,
  transpose,
  unstack,
  util,
} from "@tensorflow/tfjs-core";
import { defineGradient, defineListGradient } from "./define.js";
import { sumTo, zeros } from "./shapes.js";

// Kernels that move elements: the gradient moves them back.

defineGradient("Reshape", ["x"], (dy, { x }) => ({ x: () => reshape(dy, x.shape) }));
defineGradient("ExpandDims", ["input"], (dy, { input }) => ({ input: () => reshape(dy, input.shape) }));
defineGradient("BroadcastTo", ["x"], (dy, { x }) => ({ x: () => sumTo(dy, x.shape) }));
defineGradient("Transpose", [], (dy, _inputs, { perm }) => ({
  x: () => transpose(dy, backend_util.getUndoAxesPermutation(perm as number[])),
}));
defineGradient("Reverse", [], (dy, _inputs, { dims }) => ({
  x: () => reverse(dy, util.parseAxisParam(dims as number[], dy.shape)),
}));
defineGradient("OneHot", ["indices"], (_dy, { indices }) => ({ indices: () => zeros(indices.shape) }));

defineGradient("PadV2", ["x"], (dy, { x }, { paddings }) => ({
  x: () =>
    slice(
      dy,
      (paddings as number[][]).map(([before]) => before as number),
      x.shape,
    ),
}));

defineListGradient("Concat", (dy, parts, { axis }) => {
  const at = util.parseAxisParam(axis as number, (parts[0] as Tensor).shape)[0] as number;
  const pieces = split(
    dy,
    parts.map(({ shape }) => shape[at] as number),
    at,
  );
  return Object.fromEntries(pieces.map((piece, i) => [i, () => piece]));
});
defineListGradient("Pack", (dy, _parts, { axis }) =>
  Object.fromEntries(unstack(dy, axis as number).map((piece, i) => [i, () => piece])),
);
defineGradient("SplitV", [], (dys, _inputs, { axis }) => ({
  x: () => concat(dys as unknown as Tensor[], axis as number),
}));
defineGradient("Unpack", [], (dys, _inputs, { axis }) => ({
  value: () => stack(dys as unknown as Tensor[], axis as number),
}));

defineGradient("SpaceToBatchND", [], (dy, _inputs, { blockShape, paddings }) => ({
  x: () => batchToSpaceND(dy, blockShape as number[], paddings as number[][]),
}));
defineGradient("BatchToSpaceND", [], (dy, _inputs, { blockShape, crops }) => ({
  x: () => spaceToBatchND(dy, blockShape as number[], crops as number[][]),
}));
