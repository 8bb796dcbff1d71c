import type * as tf from "@tensorflow/tfjs-core";
import {
  adamUpdate,
  batchNorm,
  dynamicUpdateSlice,
  gelu,
  groupNorm,
  layerNorm,
  rmsNorm,
  scaledDotProductAttention,
  sigmoidCrossEntropy,
  silu,
  softmaxCrossEntropy,
} from "../ops/index.js";
import type { KernelCase } from "./kernel-cases.js";

const float = (...shape: number[]) => ({ shape, dtype: "float32" as const, low: -1.5, high: 1.5 });
const positive = (...shape: number[]) => ({ shape, dtype: "float32" as const, low: 0.3, high: 1.2 });
const int = (values: number[], ...shape: number[]) => ({ shape, dtype: "int32" as const, values });

type Build = (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
const one = (
  name: string,
  kernel: string,
  inputs: KernelCase["inputs"],
  build: Build,
  rest: Partial<KernelCase> = {},
): KernelCase => ({
  name,
  kernels: [kernel],
  inputs,
  build: (given) => build(...given),
  differentiable: true,
  secondOrder: true,
  ...rest,
});

/** Every composite kernel: the same table serves the eager gradient checks and the engines' conformance suite. */
export const compositeCases: readonly KernelCase[] = [
  one("gelu", "Gelu", [float(3, 5)], gelu),
  one("silu", "Silu", [float(3, 5)], silu),
  one("layerNorm", "LayerNorm", [float(2, 3, 6), float(6), float(6)], (x, s, o) =>
    layerNorm(x, s as tf.Tensor, o as tf.Tensor),
  ),
  one("groupNorm", "GroupNorm", [float(2, 3, 4, 6), float(6), float(6)], (x, s, o) =>
    groupNorm(x, s as tf.Tensor, o as tf.Tensor, 3),
  ),
  one("batchNorm", "BatchNorm", [float(4, 3, 2, 5), float(5), float(5)], (x, s, o) => {
    const { y, mean, variance } = batchNorm(x, s as tf.Tensor, o as tf.Tensor);
    return [y, mean, variance];
  }),
  one("rmsNorm", "RmsNorm", [float(4, 6), float(6)], (x, s) => rmsNorm(x, s as tf.Tensor)),
  one("sigmoidCrossEntropy", "SigmoidCrossEntropy", [float(3, 4), positive(3, 4)], sigmoidCrossEntropy),
  one(
    "sigmoidCrossEntropy of large logits",
    "SigmoidCrossEntropy",
    [
      { shape: [6], dtype: "float32", values: [-200, -30, -5, 5, 30, 200] },
      { shape: [6], dtype: "float32", values: [0, 1, 0, 1, 0, 1] },
    ],
    sigmoidCrossEntropy,
    { differentiable: false },
  ),
  one(
    "softmaxCrossEntropy",
    "SoftmaxCrossEntropy",
    [float(2, 3, 5), int([0, 4, 2, 1, 1, 3], 2, 3)],
    softmaxCrossEntropy,
    { differentiable: [0] },
  ),
  one("attention", "ScaledDotProductAttention", [float(2, 2, 3, 4), float(2, 2, 5, 4), float(2, 2, 5, 4)], (q, k, v) =>
    scaledDotProductAttention(q, k as tf.Tensor, v as tf.Tensor),
  ),
  one(
    "causal attention with a bias",
    "ScaledDotProductAttention",
    [float(2, 2, 4, 3), float(2, 2, 4, 3), float(2, 2, 4, 3), float(1, 2, 4, 4)],
    (q, k, v, bias) =>
      scaledDotProductAttention(q, k as tf.Tensor, v as tf.Tensor, { causal: true, bias: bias as tf.Tensor }),
  ),
  one(
    "dynamicUpdateSlice",
    "DynamicUpdateSlice",
    [float(2, 6, 3), float(2, 2, 3), int([3])],
    (x, u, start) => dynamicUpdateSlice(x, u as tf.Tensor, start as tf.Tensor, 1),
    {
      differentiable: [0, 1],
    },
  ),
  one(
    "dynamicUpdateSlice clamped at the end",
    "DynamicUpdateSlice",
    [float(5, 2), float(2, 2), int([9])],
    (x, u, start) => dynamicUpdateSlice(x, u as tf.Tensor, start as tf.Tensor, 0),
    {
      differentiable: [0, 1],
    },
  ),
  one(
    "adamUpdate",
    "AdamUpdate",
    [
      float(3, 4),
      float(3, 4),
      float(3, 4),
      positive(3, 4),
      { shape: [], dtype: "float32", values: [0.01] },
      { shape: [], dtype: "float32", values: [0.271] },
      { shape: [], dtype: "float32", values: [0.003] },
    ],
    (param, grad, m, v, learningRate, correction1, correction2) =>
      adamUpdate(
        { param, grad: grad as tf.Tensor, m: m as tf.Tensor, v: v as tf.Tensor },
        {
          learningRate: learningRate as tf.Tensor,
          correction1: correction1 as tf.Tensor,
          correction2: correction2 as tf.Tensor,
        },
        { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      ),
    { differentiable: false },
  ),
];
