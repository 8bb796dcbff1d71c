import * as tf from "@tensorflow/tfjs-core";
import { float, ints, kernelCase, VALUES_ONLY } from "./case.js";

export const indexingCases = [
  kernelCase("gather of rows", "GatherV2", [float(5, 3), ints([4, 0, 4, 2], 4)], (x, i) => tf.gather(x, i)),
  kernelCase("gather by a matrix of indices", "GatherV2", [float(5, 3), ints([4, 0, 4, 2, 1, 1], 2, 3)], (x, i) =>
    tf.gather(x, i),
  ),
  kernelCase("gather along the last axis", "GatherV2", [float(2, 3, 4), ints([3, 0, 3], 3)], (x, i) =>
    tf.gather(x, i, -1),
  ),
  kernelCase("gather along a middle axis", "GatherV2", [float(2, 3, 4), ints([2, 1, 1, 0], 2, 2)], (x, i) =>
    tf.gather(x, i, 1),
  ),
  kernelCase("gather by batch", "GatherV2", [float(3, 4, 2), ints([3, 0, 1, 1, 2, 0], 3, 2)], (x, i) =>
    tf.gather(x, i, 1, 1),
  ),
  kernelCase(
    "gather by two batch dimensions",
    "GatherV2",
    [float(2, 2, 3), ints([2, 0, 1, 1, 0, 0, 2, 2], 2, 2, 2)],
    (x, i) => tf.gather(x, i, 2, 2),
  ),
  kernelCase("gather by batch along a later axis", "GatherV2", [float(2, 3, 4), ints([3, 0, 1, 1], 2, 2)], (x, i) =>
    tf.gather(x, i, 2, 1),
  ),
  kernelCase("gather by a scalar", "GatherV2", [float(4, 2), ints([2])], (x, i) => tf.gather(x, i)),
  kernelCase(
    "gather of int32",
    "GatherV2",
    [ints([5, 6, 7], 3), ints([2, 2, 0], 3)],
    (x, i) => tf.gather(x, i),
    VALUES_ONLY,
  ),
  kernelCase("gatherND of elements", "GatherNd", [float(3, 4), ints([0, 0, 2, 3, 0, 0], 3, 2)], (x, i) =>
    tf.gatherND(x, i),
  ),
  kernelCase("gatherND of slices", "GatherNd", [float(3, 2, 2), ints([2, 0, 2], 3, 1)], (x, i) => tf.gatherND(x, i)),
  kernelCase(
    "gatherND by a tensor of indices",
    "GatherNd",
    [float(3, 4), ints([0, 1, 2, 3, 1, 1, 0, 0], 2, 2, 2)],
    (x, i) => tf.gatherND(x, i),
  ),
  kernelCase("scatterND adds up", "ScatterNd", [ints([1, 3, 1], 3, 1), float(3, 2)], (i, u) =>
    tf.scatterND(i, u, [5, 2]),
  ),
  kernelCase("scatterND of elements", "ScatterNd", [ints([0, 1, 2, 2], 2, 2), float(2)], (i, u) =>
    tf.scatterND(i, u, [3, 3]),
  ),
  kernelCase(
    "scatterND of int32",
    "ScatterNd",
    [ints([0, 2], 2, 1), ints([5, 6], 2)],
    (i, u) => tf.scatterND(i, u, [4]),
    VALUES_ONLY,
  ),
  kernelCase("tensorScatterUpdate", "TensorScatterUpdate", [float(4, 2), ints([3, 0], 2, 1), float(2, 2)], (x, i, u) =>
    tf.tensorScatterUpdate(x, i, u),
  ),
  kernelCase(
    "tensorScatterUpdate of elements",
    "TensorScatterUpdate",
    [float(3, 3), ints([0, 1, 2, 2], 2, 2), float(2)],
    (x, i, u) => tf.tensorScatterUpdate(x, i, u),
  ),
  kernelCase("oneHot", "OneHot", [ints([0, 3, 1, -1, 9], 5)], (i) => tf.oneHot(i, 4), VALUES_ONLY),
  kernelCase(
    "oneHot with values of one's own",
    "OneHot",
    [ints([0, 2, 1, 1], 2, 2)],
    (i) => tf.oneHot(i, 3, 0.9, 0.05, "float32"),
    VALUES_ONLY,
  ),
  kernelCase("embedding by oneHot", "OneHot BatchMatMul", [ints([2, 0, 2], 3), float(4, 3)], (i, w) =>
    tf.matMul(tf.oneHot(i, 4, 1, 0, "float32"), w),
  ),
  kernelCase("diag", "Diag", [float(4)], (x) => tf.diag(x)),
  kernelCase("diag of a matrix", "Diag", [float(2, 3)], (x) => tf.diag(x)),
  kernelCase(
    "a recurrent step",
    "BatchMatMul Tanh Sigmoid",
    [float(2, 3), float(2, 4), float(7, 4), float(7, 4)],
    (x, h, w, u) => {
      const joined = tf.concat([x, h], 1) as tf.Tensor2D;
      const gate = tf.sigmoid(tf.matMul(joined, u));
      return tf.add(tf.mul(gate, h), tf.mul(tf.sub(1, gate), tf.tanh(tf.matMul(joined, w))));
    },
  ),
];
