import { axesOf, product, range } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import { MICROSOFT, type OnnxBuilder } from "./builder.js";
import { CROSS_ENTROPY_SUM } from "./fuse.js";
import { oneHot } from "./indexing.js";
import { JOINED_UPDATES } from "./join-updates.js";
import { matMul } from "./matmul.js";
import { type Call, type Lowering, registerLowering } from "./registry.js";

/** Composite kernels that are written as ONNX directly instead of arriving as their definition in tfjs ops. */
export const COMPOSITES: ReadonlySet<string> = new Set([
  ...[
    "AdamUpdate",
    "DynamicUpdateSlice",
    "Gelu",
    "LayerNorm",
    "RmsNorm",
    "ScaledDotProductAttention",
    "SigmoidCrossEntropy",
    "Silu",
    "SoftmaxCrossEntropy",
  ],
]);

/** Those of them that the ONNX standard has operators for. */
export const PORTABLE_COMPOSITES: ReadonlySet<string> = new Set(
  [...COMPOSITES].filter((name) => !["RmsNorm", "ScaledDotProductAttention", "Silu"].includes(name)),
);

const composites: Readonly<Record<string, Lowering>> = {
  Gelu: (b, { input }) => b.unary("Gelu", input("x"), { attributes: { approximate: "tanh" } }),

  Silu: (b, { input }) => b.unary("QuickGelu", input("x"), { attributes: { alpha: { float: 1 } }, domain: MICROSOFT }),

  LayerNorm: (b, { input, attr }) => {
    const x = input("x");
    const attributes = { axis: -1, epsilon: { float: attr<number>("epsilon") } };
    return b.op("LayerNormalization", [x, input("scale"), input("offset")], x.shape, x.type, { attributes });
  },

  RmsNorm: (b, { input, attr }) => {
    const x = input("x");
    const attributes = { axis: -1, epsilon: { float: attr<number>("epsilon") } };
    return b.op("SimplifiedLayerNormalization", [x, input("scale")], x.shape, x.type, { attributes });
  },

  SigmoidCrossEntropy: (b, { input }) => {
    const { linear, certainty } = crossEntropyParts(b, input("logits"), input("targets"));
    return b.sub(linear, b.unary("Log", certainty));
  },

  [CROSS_ENTROPY_SUM]: (b, call) => {
    const { linear, certainty } = crossEntropyParts(b, call.input("logits"), call.input("targets"));
    const axes = axesOf(call.attr<number | number[]>("axis"), linear.shape.length);
    const logs = b.reduce("Sum", b.unary("Log", groupProducts(b, certainty)), axes, true);
    const sums = b.reduce("Sum", linear, axes, true);
    const total = call.attr<boolean>("negative") ? b.sub(logs, sums) : b.sub(sums, logs);
    return b.reshape(total, call.out().shape);
  },

  SoftmaxCrossEntropy: (b, { input }) => {
    const logits = input("logits");
    const logP = b.unary("LogSoftmax", logits, { attributes: { axis: -1 } });
    const chosen = b.where(oneHot(b, input("labels"), logits.shape.at(-1) as number), logP, b.scalar(0));
    return b.unary("Neg", b.reduce("Sum", chosen, [logits.shape.length - 1]));
  },

  ScaledDotProductAttention: (b, { input }) => {
    const q = input("q");
    const scale = 1 / Math.sqrt(q.shape.at(-1) as number);
    const scores = scaledProduct(b, q, input("k"), scale);
    const bias = input("bias");
    const masked = isZero(b, bias) ? scores : b.add(scores, bias);
    const p = b.unary("Softmax", masked, { attributes: { axis: -1 } });
    return matMul(b, p, input("v"), { transposeA: false, transposeB: false });
  },

  AdamUpdate: (b, call) => {
    const { shape } = call.out();
    const row = (name: string) => b.reshape(call.input(name), [1, product(shape)]);
    return adam(b, row("param"), row("grad"), row("m"), row("v"), call).map((x) => b.reshape(x, shape));
  },

  /** A copy, and then only the new rows: a choice between two tensors reads and writes all of both. */
  DynamicUpdateSlice: (b, { input, attr }) => {
    const [x, update, axis] = [input("x"), input("update"), attr<number>("axis")];
    const size = update.shape[axis] as number;
    const last = b.scalar((x.shape[axis] as number) - size, "int32");
    const start = b.binary("Max", b.binary("Min", input("start"), last), b.scalar(0, "int32"));
    const rows = b.add(b.cast(b.reshape(start, [1]), "int64"), b.counting(size));
    const along = b.reshape(
      rows,
      update.shape.map((_, i) => (i === axis ? size : 1)),
    );
    return b.op("ScatterElements", [x, b.expand(along, update.shape), update], x.shape, x.type, {
      attributes: { axis },
    });
  },

  [JOINED_UPDATES]: (b, call) => {
    const members = range(call.attr<number>("count"));
    const sizes = members.map((i) => product(call.out(3 * i).shape));
    const row = (name: string) =>
      b.concat(
        members.map((i) => b.reshape(call.input(`${name}${i}`), [1, sizes[i] as number])),
        1,
      );
    const results = adam(b, row("param"), row("grad"), row("m"), row("v"), call).map((x) => b.split(x, sizes, 1));
    return members.flatMap((i) =>
      results.map((parts, k) => b.reshape(parts[i] as OnnxValue, call.out(3 * i + k).shape)),
    );
  },
};
for (const [kernel, lowering] of Object.entries(composites)) registerLowering(kernel, lowering);

/** One step of Adam on rows `(1, n)`: `[param, m, v]`. */
function adam(b: OnnxBuilder, param: OnnxValue, grad: OnnxValue, m: OnnxValue, v: OnnxValue, call: Call): OnnxValue[] {
  const [beta1, beta2] = [call.attr<number>("beta1"), call.attr<number>("beta2")];
  const nextM = blend(b, b.constant([1 - beta1], [1, 1]), grad, m, beta1);
  const nextV = blend(b, b.constant([1 - beta2], [1, 1]), b.mul(grad, grad), v, beta2);
  const direction = b.div(nextM, b.add(b.unary("Sqrt", nextV), call.input("epsilonHat")));
  const minusStep = b.reshape(b.unary("Neg", call.input("stepSize")), [1, 1]);
  return [blend(b, minusStep, direction, param, 1), nextM, nextV];
}

/** `factor x + beta c` in one pass over rows `(1, n)`, as the matrix product of `factor`, shape `(1, 1)`, and x. */
function blend(b: OnnxBuilder, factor: OnnxValue, x: OnnxValue, c: OnnxValue, beta: number): OnnxValue {
  return b.op("Gemm", [factor, x, c], x.shape, "float32", { attributes: { beta: { float: beta } } });
}

/**
 * Bernoulli cross entropy, `max(l, 0) - l x + log(1 + exp(-|l|))`, as `linear - log(certainty)`: the last term is minus the logarithm of
 * `max(s, 1 - s)`, `s = sigmoid(l)`, to 1e-7 absolute, and gradients use s too.
 */
function crossEntropyParts(b: OnnxBuilder, logits: OnnxValue, targets: OnnxValue) {
  const s = b.unary("Sigmoid", logits);
  return {
    linear: b.sub(b.unary("Relu", logits), b.mul(logits, targets)),
    certainty: b.binary("Max", s, b.sub(b.scalar(1), s)),
  };
}

/** Products of up to 16 neighbours on the last axis. Factors lie in [1/2, 1], so nothing is lost; logarithms are slow in onnxruntime. */
function groupProducts(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  const n = x.shape.at(-1) as number;
  const size = range(17).findLast((k) => k > 0 && n % k === 0) ?? 1;
  if (size === 1) return x;
  const lead = x.shape.slice(0, -1);
  return b.reduce("Prod", b.reshape(x, [...lead, n / size, size]), [lead.length + 1]);
}

/** `scale q k^T`, shape `(…, T, S)`. */
function scaledProduct(b: OnnxBuilder, q: OnnxValue, k: OnnxValue, scale: number): OnnxValue {
  const shape = [...q.shape.slice(0, -1), k.shape.at(-2) as number];
  const attributes = { transA: 0, transB: 1, alpha: { float: scale } };
  return b.op("FusedMatMul", [q, k], shape, "float32", { attributes, domain: MICROSOFT });
}

/** A constant of zeros: attention without a bias. */
function isZero(b: OnnxBuilder, x: OnnxValue): boolean {
  const values = b.valuesOf(x);
  return values !== undefined && Array.from(values as ArrayLike<number>).every((value) => value === 0);
}
