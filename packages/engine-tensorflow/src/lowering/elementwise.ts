import type { DType } from "@latentkit/jit";
import { asFloat, fromFloat, inNumbers, numeric } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";
import { registerLowering } from "./registry.js";

/** Kernels of float32 that only TensorFlow has operations for. */
for (const op of ["Expm1", "Log1p", "Rsqrt", "Softplus"]) {
  registerLowering(op, (b, { input, out }) => fromFloat(b, b.unary(op, asFloat(b, input("x"))), out().dtype));
}
for (const op of ["Relu", "Relu6"]) {
  registerLowering(op, (b, { input }) => inNumbers(b, input("x"), (x) => b.unary(op, x)));
}
registerLowering("ClipByValue", (b, { input, attr }) =>
  inNumbers(b, input("x"), (x) => clip(b, x, attr<number>("clipValueMin"), attr<number>("clipValueMax"))),
);

/** `min(max(x, low), high)`, NaN stays NaN. */
function clip(b: GraphBuilder, x: TfValue, low: number, high: number): TfValue {
  const [from, to] = x.type === "int32" ? [Math.max(low, -(2 ** 31)), Math.min(high, 2 ** 31 - 1)] : [low, high];
  return b.by("Minimum", b.by("Maximum", x, from), to);
}

registerLowering("LeakyRelu", (b, { input, attr }) =>
  b.unary("LeakyRelu", asFloat(b, input("x")), { alpha: { float: attr<number>("alpha") } }),
);

for (const op of ["IsInf", "IsFinite"]) {
  registerLowering(op, (b, { input }) => b.op(op, [asFloat(b, input("x"))], input("x").shape, "bool"));
}
registerLowering("NotEqual", (b, { input }) => b.binary("NotEqual", input("a"), input("b"), "bool"));

registerLowering("SquaredDifference", (b, { input }) =>
  inNumbers(b, input("a"), (a) => b.binary("SquaredDifference", a, numeric(b, input("b")))),
);
registerLowering("Atan2", (b, { input }) => b.binary("Atan2", asFloat(b, input("a")), asFloat(b, input("b"))));

/** `floor(a / b)` as int32; a zero divisor, by which integers cannot be divided, gives 0, as storing an infinity in an Int32Array does. */
registerLowering("FloorDiv", (b, { input }) => {
  const [a, divisor] = [numeric(b, input("a")), numeric(b, input("b"))];
  const none = b.by("Equal", divisor, 0);
  const quotient = b.binary("FloorDiv", a, b.where(none, b.scalar(1, divisor.type as DType), divisor));
  return b.cast(b.where(none, b.scalar(0, quotient.type as DType), quotient), "int32");
});

/** The remainder with the sign of the divisor. A zero divisor gives NaN, or 0 for integers, whose division by zero would fail. */
registerLowering("Mod", (b, { input }) => {
  const [a, divisor] = [numeric(b, input("a")), numeric(b, input("b"))];
  if (a.type === "float32") return b.binary("FloorMod", a, divisor);
  const none = b.by("Equal", divisor, 0);
  const remainder = b.binary("FloorMod", a, b.where(none, b.scalar(1, "int32"), divisor));
  return b.where(none, b.scalar(0, "int32"), remainder);
});
