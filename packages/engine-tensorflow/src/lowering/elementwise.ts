import type { DType } from "@latentkit/jit";
import type { GraphBuilder, TfValue } from "./builder.js";
import { registerLowering } from "./registry.js";

/** Kernels that are one operation of float32. */
const FLOAT_UNARY = [
  "Acos",
  "Acosh",
  "Asin",
  "Asinh",
  "Atan",
  "Atanh",
  "Cos",
  "Cosh",
  "Elu",
  "Erf",
  "Exp",
  "Expm1",
  "Log",
  "Log1p",
  "Reciprocal",
  "Rsqrt",
  "Selu",
  "Sigmoid",
  "Sin",
  "Sinh",
  "Softplus",
  "Sqrt",
  "Tan",
  "Tanh",
];
for (const kernel of FLOAT_UNARY) {
  registerLowering(kernel, (b, { input, out }) => fromFloat(b, b.unary(kernel, asFloat(b, input("x"))), out().dtype));
}

/** Kernels that leave int32 as it is. */
for (const [kernel, op] of Object.entries({ Ceil: "Ceil", Floor: "Floor", Round: "Round" })) {
  registerLowering(kernel, (b, { input }) => (input("x").type === "float32" ? b.unary(op, input("x")) : input("x")));
}

/** Kernels of float32 and int32; bool counts as int32. */
for (const op of ["Abs", "Neg", "Sign", "Square", "Relu", "Relu6"]) {
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
registerLowering("Prelu", (b, { input }) => prelu(b, input("x"), input("alpha")));

/** `x` where it is not negative, `alpha x` elsewhere. */
export function prelu(b: GraphBuilder, x: TfValue, alpha: TfValue): TfValue {
  return b.where(b.by("Less", x, 0), b.mul(x, alpha), x);
}

registerLowering("Step", (b, { input, attr }) =>
  inNumbers(b, input("x"), (x) => {
    const type = x.type as DType;
    const step = b.where(b.by("Greater", x, 0), b.scalar(1, type), b.scalar(attr<number>("alpha") ?? 0, type));
    return type === "float32" ? b.where(b.binary("NotEqual", x, x, "bool"), x, step) : step;
  }),
);
registerLowering("EluGrad", (b, { input }) => {
  const y = input("y");
  return b.mul(input("dy"), b.by("Minimum", b.by("AddV2", y, 1), 1));
});

for (const [kernel, op] of Object.entries({ IsNan: "IsNan", IsInf: "IsInf", IsFinite: "IsFinite" })) {
  registerLowering(kernel, (b, { input }) => b.op(op, [asFloat(b, input("x"))], input("x").shape, "bool"));
}
registerLowering("LogicalNot", (b, { input }) => b.unary("LogicalNot", b.cast(input("x"), "bool")));

for (const [kernel, op] of Object.entries({
  Add: "AddV2",
  Sub: "Sub",
  Multiply: "Mul",
  Maximum: "Maximum",
  Minimum: "Minimum",
  SquaredDifference: "SquaredDifference",
})) {
  registerLowering(kernel, (b, { input }) => inNumbers(b, input("a"), (a) => b.binary(op, a, numeric(b, input("b")))));
}
registerLowering("RealDiv", (b, { input, out }) =>
  fromFloat(b, b.div(asFloat(b, input("a")), asFloat(b, input("b"))), out().dtype),
);
registerLowering("AddN", (b, { list }) => list().reduce((sum, x) => b.add(sum, x)));
registerLowering("Atan2", (b, { input }) => b.binary("Atan2", asFloat(b, input("a")), asFloat(b, input("b"))));
registerLowering("BitwiseAnd", (b, { input }) => b.binary("BitwiseAnd", input("a"), input("b")));

registerLowering("Pow", (b, { input }) =>
  inNumbers(b, input("a"), (base) => {
    const exponent = input("b");
    if (base.type === "float32") return power(b, base, exponent);
    const wide = b.binary("Pow", b.cast(base, "float64"), b.cast(exponent, "float64"));
    return b.cast(b.cast(wide, "int64"), "int32");
  }),
);

function power(b: GraphBuilder, base: TfValue, exponent: TfValue): TfValue {
  const constant = b.valuesOf(exponent);
  if (constant?.length === 1 && exponent.shape.length <= base.shape.length) {
    if (constant[0] === 2) return b.unary("Square", base);
    if (constant[0] === 1) return base;
    if (constant[0] === 0.5) return b.unary("Sqrt", base);
    if (constant[0] === -1) return b.unary("Reciprocal", base);
  }
  return b.binary("Pow", base, exponent);
}

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

for (const op of ["Greater", "GreaterEqual", "Less", "LessEqual"]) {
  registerLowering(op, (b, { input }) => b.binary(op, numeric(b, input("a")), numeric(b, input("b")), "bool"));
}
for (const op of ["Equal", "NotEqual"]) {
  registerLowering(op, (b, { input }) => b.binary(op, input("a"), input("b"), "bool"));
}
for (const op of ["LogicalAnd", "LogicalOr"]) {
  registerLowering(op, (b, { input }) => b.binary(op, b.cast(input("a"), "bool"), b.cast(input("b"), "bool")));
}

registerLowering("Select", (b, { input, out }) => {
  const [t, e] = [b.cast(input("t"), out().dtype), b.cast(input("e"), out().dtype)];
  return b.where(asRows(b, b.cast(input("condition"), "bool"), t.shape.length), t, e);
});

/** A condition of fewer axes holds for whole rows. */
function asRows(b: GraphBuilder, condition: TfValue, rank: number): TfValue {
  if (condition.shape.length === 0 || condition.shape.length >= rank) return condition;
  return b.reshape(condition, [...condition.shape, ...new Array<number>(rank - condition.shape.length).fill(1)]);
}

registerLowering("Cast", (b, { input, attr }) => {
  const x = input("x");
  const type = attr<DType>("dtype");
  return x.type === "float32" && type === "int32" ? toInteger(b, x) : b.cast(x, type);
});

/** Truncates; what no int32 can hold becomes 0. */
function toInteger(b: GraphBuilder, x: TfValue): TfValue {
  const fits = b.by("Less", b.unary("Abs", x), 2 ** 31);
  return b.cast(b.where(fits, x, b.scalar(0)), "int32");
}

/** Computes in float32 or int32 and returns to bool when x is bool. */
function inNumbers(b: GraphBuilder, x: TfValue, f: (x: TfValue) => TfValue): TfValue {
  return b.cast(f(numeric(b, x)), x.type);
}

/** Bool as int32: operations count with numbers only. */
export function numeric(b: GraphBuilder, x: TfValue): TfValue {
  return x.type === "bool" ? b.cast(x, "int32") : x;
}

/** Any value as float32. */
export function asFloat(b: GraphBuilder, x: TfValue): TfValue {
  return b.cast(x, "float32");
}

/** A float32 result stored in the dtype that the graph says. */
export function fromFloat(b: GraphBuilder, x: TfValue, dtype: DType): TfValue {
  return dtype === "int32" ? toInteger(b, x) : b.cast(x, dtype);
}
