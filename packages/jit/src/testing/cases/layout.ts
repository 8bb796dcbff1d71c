import * as tf from "@tensorflow/tfjs-core";
import { between, float, floats, ints, kernelCase, VALUES_ONLY } from "./case.js";

type Masks = [begin?: number, end?: number, ellipsis?: number, newAxis?: number, shrink?: number];

/** Strided slices of a (4, 5, 6) tensor. */
const STRIDED: readonly [string, number[], number[], number[], Masks?][] = [
  ["plain", [1, 0, 2], [3, 5, 6], [1, 1, 1]],
  ["every second", [0, 0, 0], [4, 5, 6], [2, 2, 2]],
  ["every third from the second", [1, 1, 1], [4, 5, 6], [3, 1, 3]],
  ["backwards", [3, 4, 5], [0, 0, 0], [-1, -2, -3]],
  ["all backwards", [0, 0, 0], [0, 0, 0], [-1, 1, -1], [7, 7]],
  ["negative indices", [-3, -4, 0], [-1, -1, 6], [1, 1, 2]],
  ["fewer indices than axes", [1], [3], [1]],
  ["shrinking", [1, 2, 0], [2, 3, 6], [1, 1, 1], [0, 0, 0, 0, 3]],
  ["shrinking with strides", [1, 2, 5], [2, 3, 0], [1, 1, -2], [0, 0, 0, 0, 2]],
  ["shrinking to the beginning", [0, 2, 5], [4, 3, 0], [2, 1, -1], [0, 4, 0, 0, 2]],
  ["a new axis with strides", [0, 1, 0], [4, 3, 1], [2, 1, 1], [0, 0, 0, 4]],
  ["a new axis", [0, 1, 0], [4, 3, 1], [1, 1, 1], [0, 0, 0, 4]],
  ["an ellipsis", [0, 1], [0, 5], [1, 2], [0, 0, 1]],
  ["one element", [2, 3, 4], [3, 4, 5], [1, 1, 1], [0, 0, 0, 0, 7]],
];

export const layoutCases = [
  kernelCase("reshape", "Reshape", [float(2, 3, 4)], (x) => tf.reshape(x, [4, -1])),
  kernelCase("reshape to a scalar", "Reshape", [float(1, 1)], (x) => tf.reshape(x, [])),
  kernelCase("reshape to rank 5", "Reshape", [float(12)], (x) => tf.reshape(x, [1, 2, 1, 3, 2])),
  kernelCase("expandDims", "ExpandDims", [float(2, 3)], (x) => [
    tf.expandDims(x, 0),
    tf.expandDims(x, 1),
    tf.expandDims(x, -1),
  ]),
  kernelCase("squeeze", "Reshape", [float(1, 3, 1, 2)], (x) => tf.squeeze(x, [0, 2])),
  kernelCase("transpose", "Transpose", [float(3, 4)], (x) => tf.transpose(x)),
  kernelCase("transpose of rank 4", "Transpose", [float(2, 3, 4, 2)], (x) => tf.transpose(x, [0, 3, 1, 2])),
  kernelCase("transpose of rank 5", "Transpose", [float(2, 1, 3, 2, 2)], (x) => tf.transpose(x, [4, 2, 0, 3, 1])),
  kernelCase("transpose of int32", "Transpose", [ints([1, 2, 3, 4, 5, 6], 2, 3)], (x) => tf.transpose(x), VALUES_ONLY),
  kernelCase("tile", "Tile", [float(2, 3)], (x) => tf.tile(x, [2, 3])),
  kernelCase("tile of rank 5", "Tile", [float(1, 2, 1, 2, 1)], (x) => tf.tile(x, [2, 1, 3, 2, 1])),
  kernelCase("broadcastTo", "Tile", [float(3, 1)], (x) => tf.broadcastTo(x, [2, 3, 4])),
  kernelCase("broadcastTo from a scalar", "Tile", [float()], (x) => tf.broadcastTo(x, [2, 3])),
  kernelCase("reverse", "Reverse", [float(2, 3, 4)], (x) => tf.reverse(x, [0, -1])),
  kernelCase("reverse everything", "Reverse", [float(2, 3)], (x) => tf.reverse(x)),
  kernelCase("pad", "PadV2", [float(2, 3)], (x) =>
    tf.pad(
      x,
      [
        [1, 0],
        [2, 1],
      ],
      0.5,
    ),
  ),
  kernelCase("pad of rank 4", "PadV2", [float(1, 2, 2, 1)], (x) =>
    tf.pad(x, [
      [0, 0],
      [1, 1],
      [0, 2],
      [0, 0],
    ]),
  ),
  kernelCase("pad of int32", "PadV2", [ints([1, 2], 2)], (x) => tf.pad(x, [[1, 1]], 7), VALUES_ONLY),
  ...(["reflect", "symmetric"] as const).flatMap((mode) => [
    kernelCase(`mirrorPad, ${mode}`, "MirrorPad", [float(3, 4)], (x) =>
      tf.mirrorPad(
        x,
        [
          [2, 1],
          [0, 3],
        ],
        mode,
      ),
    ),
    kernelCase(`mirrorPad of rank 4, ${mode}`, "MirrorPad", [float(1, 3, 3, 2)], (x) =>
      tf.mirrorPad(
        x,
        [
          [0, 0],
          [1, 1],
          [2, 2],
          [0, 0],
        ],
        mode,
      ),
    ),
  ]),
  kernelCase("slice", "Slice", [float(3, 4, 2)], (x) => tf.slice(x, [1, 0, 1], [2, -1, 1])),
  kernelCase("slice of the first axis", "Slice", [float(5, 2)], (x) => tf.slice(x, 1, 3)),
  kernelCase("slice of rank 5", "Slice", [float(2, 2, 3, 1, 2)], (x) => tf.slice(x, [0, 1, 1, 0, 0], [2, 1, 2, 1, 1])),
  kernelCase("slice of int32", "Slice", [ints([1, 2, 3, 4], 4)], (x) => tf.slice(x, [1], [2]), VALUES_ONLY),
  ...STRIDED.map(([name, begin, end, strides, masks = []]) =>
    kernelCase(`stridedSlice, ${name}`, "StridedSlice", [float(4, 5, 6)], (x) =>
      tf.stridedSlice(x, begin, end, strides, ...masks),
    ),
  ),
  kernelCase("concat", "Concat", [float(2, 3), float(2, 1), float(2, 2)], (...xs) => tf.concat(xs, 1)),
  kernelCase("concat of rank 4 along the last axis", "Concat", [float(1, 2, 2, 3), float(1, 2, 2, 1)], (...xs) =>
    tf.concat(xs, -1),
  ),
  kernelCase(
    "concat of eleven vectors",
    "Concat",
    Array.from({ length: 11 }, () => float(2)),
    (...xs) => tf.concat(xs),
  ),
  kernelCase(
    "concat of int32",
    "Concat",
    [ints([1, 2], 1, 2), ints([3, 4], 1, 2)],
    (...xs) => tf.concat(xs, 0),
    VALUES_ONLY,
  ),
  kernelCase("split into equal parts", "SplitV", [float(2, 6)], (x) => tf.split(x, 3, 1)),
  kernelCase("split by sizes", "SplitV", [float(5, 2)], (x) => tf.split(x, [1, 3, 1], 0)),
  kernelCase("split with a size left open", "SplitV", [float(2, 2, 5)], (x) => tf.split(x, [2, -1], -1)),
  kernelCase("a part of a split", "SplitV", [float(2, 6)], (x) => tf.square(tf.split(x, 2, 1)[1] as tf.Tensor)),
  kernelCase("stack", "Pack", [float(2, 3), float(2, 3), float(2, 3)], (...xs) => tf.stack(xs, 1)),
  kernelCase("stack along a new last axis", "Pack", [float(2, 3), float(2, 3)], (...xs) => tf.stack(xs, -1)),
  kernelCase("stack of scalars", "Pack", [float(), float(), float()], (...xs) => tf.stack(xs)),
  kernelCase("unstack", "Unpack", [float(3, 2, 2)], (x) => tf.unstack(x, 1)),
  kernelCase("a part of an unstacked tensor", "Unpack", [float(3, 2)], (x) => tf.square(tf.unstack(x)[2] as tf.Tensor)),
  kernelCase("bandPart", "Select", [float(3, 4, 4)], (x) => tf.linalg.bandPart(x, 1, -1)),
  kernelCase("fill", "Fill Multiply", [float(2, 3)], (x) => tf.mul(x, tf.fill([2, 3], 2.5))),
  kernelCase("fill with int32", "Fill Add", [ints([1, 2], 2)], (x) => tf.add(x, tf.fill([2], 7, "int32")), VALUES_ONLY),
  kernelCase("range", "Range Multiply", [float(5)], (x) => tf.mul(x, tf.range(0, 5))),
  kernelCase(
    "range in steps",
    "Range Add",
    [ints([0, 0, 0, 0], 4)],
    (x) => tf.add(x, tf.range(9, 0, -2.5, "int32")),
    VALUES_ONLY,
  ),
  kernelCase("linspace", "LinSpace Multiply", [float(7)], (x) => tf.mul(x, tf.linspace(-1, 1, 7))),
  kernelCase("meshgrid", "BatchMatMul", [float(3), float(2)], (a, b) => tf.meshgrid(a, b)),
  kernelCase(
    "stack of a reshaped product",
    "Multiply Reshape Pack",
    [between(0.5, 1, 2, 2), floats([1, 2], 2)],
    (a, b) => tf.stack([tf.reshape(tf.mul(a, b), [4]), tf.reshape(a, [4])]),
  ),
];
