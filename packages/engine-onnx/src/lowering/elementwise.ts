import { asFloat, inNumbers, numeric } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { registerLowering } from "./registry.js";

registerLowering("Relu", (b, { input }) =>
  inNumbers(b, input("x"), (x) => (x.type === "float32" ? b.unary("Relu", x) : b.by("Max", x, 0))),
);
registerLowering("Relu6", (b, { input }) => inNumbers(b, input("x"), (x) => clip(b, x, 0, 6)));
registerLowering("ClipByValue", (b, { input, attr }) =>
  inNumbers(b, input("x"), (x) => clip(b, x, attr<number>("clipValueMin"), attr<number>("clipValueMax"))),
);

/** `min(max(x, low), high)`, NaN stays NaN. */
export function clip(b: OnnxBuilder, x: OnnxValue, low: number, high: number): OnnxValue {
  if (x.type === "int32") return b.by("Min", b.by("Max", x, Math.max(low, -(2 ** 31))), Math.min(high, 2 ** 31 - 1));
  return b.op("Clip", [x, b.scalar(low), b.scalar(high)], x.shape, x.type);
}

registerLowering("Rsqrt", (b, { input }) => b.unary("Reciprocal", b.unary("Sqrt", input("x"))));
registerLowering("LeakyRelu", (b, { input, attr }) =>
  b.unary("LeakyRelu", asFloat(b, input("x")), { attributes: { alpha: { float: attr<number>("alpha") } } }),
);
registerLowering("Softplus", (b, { input }) => softplus(b, input("x")));
registerLowering("Log1p", (b, { input }) => log1p(b, input("x")));
registerLowering("Expm1", (b, { input }) => expm1(b, input("x")));

/**
 * `log(1 + e)` for `e` in [0, 1]: the rounding error of `1 + e` is added back to first order, so that small `e` keep their digits.
 */
function log1pOfFraction(b: OnnxBuilder, e: OnnxValue): OnnxValue {
  const u = b.by("Add", e, 1);
  return b.add(b.unary("Log", u), b.sub(e, b.by("Sub", u, 1)));
}

/** `max(x, 0) + log(1 + exp(-|x|))`: every term is a vectorised operator, which onnxruntime's own Softplus is not. */
function softplus(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  return b.add(b.unary("Relu", x), log1pOfFraction(b, b.unary("Exp", b.unary("Neg", b.unary("Abs", x)))));
}

/** `log(u) x / (u - 1)` with `u = 1 + x` as rounded. Kahan, in Hewlett-Packard's HP-15C Advanced Functions Handbook, 1982, appendix. */
function log1p(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  const u = b.by("Add", x, 1);
  const exact = b.div(b.mul(b.unary("Log", u), x), b.by("Sub", u, 1));
  const small = b.where(b.by("Equal", u, 1), x, exact);
  return b.where(b.by("Equal", x, Number.POSITIVE_INFINITY), x, small);
}

/** `exp(x) - 1`; near zero `2 t / (1 - t)` with `t = tanh(x / 2)`, which keeps the digits. */
function expm1(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  const t = b.unary("Tanh", b.by("Mul", x, 0.5));
  const near = b.div(b.add(t, t), b.sub(b.scalar(1), t));
  return b.where(b.by("Less", b.unary("Abs", x), 0.5), near, b.by("Sub", b.unary("Exp", x), 1));
}

registerLowering("IsInf", (b, { input }) =>
  b.by("Equal", b.unary("Abs", asFloat(b, input("x"))), Number.POSITIVE_INFINITY),
);
registerLowering("IsFinite", (b, { input }) =>
  b.by("Less", b.unary("Abs", asFloat(b, input("x"))), Number.POSITIVE_INFINITY),
);

registerLowering("SquaredDifference", (b, { input }) =>
  inNumbers(b, input("a"), (a) => {
    const difference = b.sub(a, numeric(b, input("b")));
    return b.mul(difference, difference);
  }),
);
registerLowering("Atan2", (b, { input }) => atan2(b, asFloat(b, input("a")), asFloat(b, input("b"))));
registerLowering("FloorDiv", (b, { input }) => floorDiv(b, input("a"), input("b")));
registerLowering("Mod", (b, { input }) => mod(b, numeric(b, input("a")), numeric(b, input("b"))));

/** The angle of the point `(x, y)`; zeros count as positive, so the result for `y = 0` and `x < 0` is pi. */
function atan2(b: OnnxBuilder, y: OnnxValue, x: OnnxValue): OnnxValue {
  const turn = b.where(b.by("Less", y, 0), b.scalar(-Math.PI), b.scalar(Math.PI)); // half a turn towards y
  const half = b.where(b.by("Less", y, 0), b.scalar(-Math.PI / 2), b.scalar(Math.PI / 2));
  const steep = b.binary("Less", b.unary("Abs", x), b.unary("Abs", y), "bool");
  const flat = b.unary("Atan", b.div(y, x));
  const right = b.where(b.by("Less", x, 0), b.add(flat, turn), flat);
  const upright = b.sub(half, b.unary("Atan", b.div(x, y)));
  const origin = b.by("Equal", b.add(b.unary("Abs", x), b.unary("Abs", y)), 0);
  return b.where(origin, b.scalar(0), b.where(steep, upright, right));
}

/** `floor(a / b)` as int32; a zero divisor gives 0, as storing an infinity in an Int32Array does. */
function floorDiv(b: OnnxBuilder, a: OnnxValue, divisor: OnnxValue): OnnxValue {
  const quotient = b.unary("Floor", b.div(b.cast(a, "float64"), b.cast(divisor, "float64")));
  const safe = b.where(b.by("Equal", divisor, 0), b.scalar(0, "float64"), quotient);
  return b.cast(safe, "int32");
}

/** The remainder with the sign of the divisor. A zero divisor gives NaN, or 0 for integers. */
function mod(b: OnnxBuilder, a: OnnxValue, divisor: OnnxValue): OnnxValue {
  if (a.type === "float32") {
    const fmod = (x: OnnxValue, y: OnnxValue) => b.binary("Mod", x, y, "float32", { attributes: { fmod: 1 } });
    const remainder = fmod(a, divisor);
    const sameSign = b.binary("Equal", b.by("Less", a, 0), b.by("Less", divisor, 0), "bool");
    return b.where(sameSign, remainder, fmod(b.add(remainder, divisor), divisor));
  }
  const zero = b.by("Equal", divisor, 0);
  const remainder = b.binary("Mod", a, b.where(zero, b.scalar(1, "int32"), divisor)); // dividing by zero would end the process
  return b.where(zero, b.scalar(0, "int32"), remainder);
}

registerLowering("NotEqual", (b, { input }) => b.unary("Not", b.binary("Equal", input("a"), input("b"), "bool")));
