import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../gradients/run-kernel.js";
import { AWAY, between, type CaseInput, float, floats, ints, kernelCase, VALUES_ONLY } from "./case.js";

const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

/** A case of tf.matMul for every pair of transpositions, from the shapes without transposition. */
function products(name: string, a: number[], b: number[]) {
  return transposes.map(([transposeA, transposeB]) => {
    const label = `${name}${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`;
    const flip = (shape: number[], yes: boolean) =>
      yes ? [...shape.slice(0, -2), ...shape.slice(-2).reverse()] : shape;
    return kernelCase(label, "BatchMatMul", [float(...flip(a, transposeA)), float(...flip(b, transposeB))], (x, y) =>
      tf.matMul(x, y, transposeA, transposeB),
    );
  });
}

const EINSUMS: readonly [string, ...number[][]][] = [
  ["ij,jk->ik", [3, 4], [4, 2]],
  ["ij,kj->ik", [3, 4], [2, 4]],
  ["bij,bjk->bik", [2, 3, 4], [2, 4, 2]],
  ["bhqd,bhkd->bhqk", [2, 2, 3, 4], [2, 2, 5, 4]],
  ["bqhd,bkhd->bhqk", [2, 3, 2, 4], [2, 5, 2, 4]],
  ["bhqk,bkhd->bqhd", [2, 2, 3, 5], [2, 5, 2, 4]],
  ["i,j->ij", [3], [4]],
  ["i,i->", [5], [5]],
  ["ij,ij->i", [3, 4], [3, 4]],
  ["bi,i->b", [3, 4], [4]],
  ["ij->ji", [3, 4]],
  ["ij->i", [3, 4]],
  ["ijk->", [2, 3, 2]],
  ["ijk->kji", [2, 3, 4]],
  ["ij,k->i", [2, 3], [4]],
  ["ij,kj->k", [2, 3], [4, 3]],
  ["ij,k->ik", [2, 3], [4]],
  ["ij,jk->", [2, 3], [3, 4]],
  ["i,j->", [2], [3]],
  ["ijk,jki->", [2, 3, 2], [3, 2, 2]],
  ["ijk,jk->i", [2, 3, 2], [3, 2]],
];

const ACTIVATIONS = [undefined, "linear", "relu", "relu6", "elu", "sigmoid", "leakyrelu"] as const;

const fused =
  (inputs: CaseInput[], attrs: object) =>
  (...given: tf.Tensor[]) => {
    const names = ["a", "b", "bias", "preluActivationWeights"];
    const named = Object.fromEntries(inputs.map((_, i) => [names[i], given[i] as tf.Tensor]));
    return runKernel("_FusedMatMul", named, { transposeA: false, transposeB: false, ...attrs });
  };

export const matmulCases = [
  ...products("matMul", [3, 4], [4, 5]),
  ...products("matMul by batch", [2, 3, 4], [2, 4, 5]),
  ...products("matMul of rank 4", [2, 2, 3, 4], [2, 2, 4, 2]),
  ...products("matMul with shared weights", [2, 3, 4], [4, 5]),
  ...products("matMul with weights shared by two batch dimensions", [2, 2, 3, 4], [4, 3]),
  ...products("matMul with a shared left side", [3, 4], [2, 4, 2]),
  ...products("matMul with a broadcast batch", [1, 3, 4], [2, 4, 2]),
  ...products("matMul of one head for all", [2, 3, 2, 4], [2, 1, 4, 2]),
  ...products("matMul of batches that broadcast each other", [2, 1, 3, 4], [1, 3, 4, 2]),
  kernelCase("matMul of a single element", "BatchMatMul", [float(1, 1), float(1, 1)], (a, b) => tf.matMul(a, b)),
  kernelCase(
    "matMul of int32",
    "BatchMatMul",
    [ints([1, -2, 3, 4], 2, 2), ints([5, 6, -7, 8], 2, 2)],
    (a, b) => tf.matMul(a, b),
    VALUES_ONLY,
  ),
  kernelCase("dot of vectors", "BatchMatMul Reshape", [float(4), float(4)], tf.dot),
  kernelCase(
    "dense layer",
    "BatchMatMul Add Relu",
    [float(5, 4), float(4, 3), between(0.3, 0.6, 3)],
    (x, w, b) => tf.relu(tf.add(tf.matMul(x, w), b)),
    {
      secondOrder: false,
    },
  ),
  ...ACTIVATIONS.map((activation) => {
    const inputs = [float(2, 3), float(3, 4), float(4)];
    return kernelCase(
      `_FusedMatMul, ${activation ?? "no activation"}`,
      "_FusedMatMul",
      inputs,
      fused(inputs, { activation, leakyreluAlpha: 0.2 }),
      VALUES_ONLY,
    );
  }),
  kernelCase(
    "_FusedMatMul without bias",
    "_FusedMatMul",
    [float(2, 3), float(3, 4)],
    fused([float(), float()], {}),
    VALUES_ONLY,
  ),
  kernelCase(
    "_FusedMatMul, prelu",
    "_FusedMatMul",
    [float(2, 3), float(3, 4), float(4), float(4)],
    fused([float(), float(), float(), float()], { activation: "prelu" }),
    VALUES_ONLY,
  ),
  ...EINSUMS.map(([equation, ...shapes]) =>
    kernelCase(
      `einsum ${equation}`,
      "Einsum",
      shapes.map((shape) => float(...shape)),
      (...xs) => tf.einsum(equation, ...xs),
    ),
  ),
  kernelCase("softmax", "Softmax", [between(-3, 3, 3, 5)], (x) => tf.softmax(x)),
  kernelCase("softmax of rank 4", "Softmax", [between(-3, 3, 2, 2, 3, 4)], (x) => tf.softmax(x)),
  kernelCase(
    "softmax of large values",
    "Softmax",
    [floats([1000, 999, -1000, -1e9, 5, 5], 2, 3)],
    (x) => tf.softmax(x),
    VALUES_ONLY,
  ),
  kernelCase("logSoftmax", "Max Sub Exp Sum Log", [between(-3, 3, 3, 5)], (x) => tf.logSoftmax(x)),
  kernelCase("logSumExp", "Max Sub Exp Sum Log", [between(-3, 3, 3, 5)], (x) => tf.logSumExp(x, -1)),
  kernelCase("logSumExp over the first axis", "Max Sub Exp Sum Log", [between(-3, 3, 3, 5)], (x) =>
    tf.logSumExp(x, 0, true),
  ),
  kernelCase(
    "batchNorm by channel",
    "FusedBatchNorm",
    [float(2, 2, 3, 4), float(4), between(0.5, 1.5, 4), float(4), between(0.5, 2, 4)],
    (x, m, v, o, s) => tf.batchNorm(x, m, v, o, s, 1e-3),
  ),
  kernelCase(
    "batchNorm without scale",
    "FusedBatchNorm",
    [float(2, 2, 2, 3), float(3), between(0.5, 1.5, 3), float(3)],
    (x, m, v, o) => tf.batchNorm(x, m, v, o),
  ),
  kernelCase(
    "batchNorm without offset",
    "FusedBatchNorm",
    [float(2, 2, 2, 3), float(3), between(0.5, 1.5, 3), between(0.5, 2, 3)],
    (x, m, v, s) => tf.batchNorm(x, m, v, undefined, s),
  ),
  kernelCase(
    "batchNorm without scale and offset",
    "FusedBatchNorm",
    [float(5, 3), float(3), between(0.5, 1.5, 3)],
    (x, m, v) => tf.batchNorm(x, m, v),
  ),
  kernelCase(
    "batchNorm by element",
    "FusedBatchNorm",
    [
      float(1, 2, 2, 3),
      float(1, 2, 2, 3),
      between(0.5, 1.5, 1, 2, 2, 3),
      float(1, 2, 2, 3),
      between(0.5, 2, 1, 2, 2, 3),
    ],
    (x, m, v, o, s) => tf.batchNorm(x, m, v, o, s),
  ),
  kernelCase(
    "local response normalisation",
    "LRN",
    [float(1, 2, 2, 6)],
    (x) => tf.localResponseNormalization(x, 2, 1, 0.5, 0.75),
    {
      secondOrder: false,
    },
  ),
  kernelCase(
    "LRNGrad",
    "LRNGrad",
    [float(1, 2, 1, 4), float(1, 2, 1, 4), float(1, 2, 1, 4)],
    (x, y, dy) => runKernel("LRNGrad", { x, y, dy }, { depthRadius: 1, bias: 1, alpha: 0.5, beta: 0.75 }),
    VALUES_ONLY,
  ),
  kernelCase("mean and variance", "Mean Square", [AWAY], (x) => {
    const { mean, variance } = tf.moments(x, 0);
    return [mean, variance];
  }),
];
