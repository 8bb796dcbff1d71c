import type { DType } from "../host-tensor.js";
import {
  by,
  FLOAT_KERNELS,
  type KernelBuilder,
  type LoweredValue,
  NUMBER_KERNELS,
  ORDER_KERNELS,
  ROUNDING_KERNELS,
} from "./kernel-builder.js";
import type { Register } from "./registry.js";

/** Declares the element-wise kernels that engines compute in the same way. */
export function registerElementwise<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  registerUnary(register);
  registerArithmetic(register);
  registerTests(register);
  registerChoices(register);
}

function registerUnary<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  for (const kernel of FLOAT_KERNELS) {
    register(kernel, (b, { input, out }) => fromFloat(b, b.apply(kernel, asFloat(b, input("x"))), out().dtype));
  }
  for (const kernel of ROUNDING_KERNELS) {
    register(kernel, (b, { input }) => (input("x").type === "float32" ? b.apply(kernel, input("x")) : input("x")));
  }
  for (const kernel of NUMBER_KERNELS.unary) {
    register(kernel, (b, { input }) => inNumbers(b, input("x"), (x) => b.apply(kernel, x)));
  }
  register("Prelu", (b, { input }) => prelu(b, input("x"), input("alpha")));
  register("Step", (b, { input, attr }) =>
    inNumbers(b, input("x"), (x) => {
      const [above, below] = [1, attr<number>("alpha") ?? 0].map((n) => b.scalar(n, x.type as V["type"])) as [V, V];
      const step = b.where(by(b, "Greater", x, 0), above, below);
      return x.type === "float32" ? b.where(b.apply("IsNan", x), x, step) : step;
    }),
  );
  register("EluGrad", (b, { input }) => b.mul(input("dy"), by(b, "Minimum", by(b, "Add", input("y"), 1), 1)));
}

function registerArithmetic<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  for (const kernel of NUMBER_KERNELS.binary) {
    register(kernel, (b, { input }) => inNumbers(b, input("a"), (a) => b.apply(kernel, a, numeric(b, input("b")))));
  }
  register("RealDiv", (b, { input, out }) =>
    fromFloat(b, b.div(asFloat(b, input("a")), asFloat(b, input("b"))), out().dtype),
  );
  register("AddN", (b, { list }) => list().reduce((sum, x) => b.add(sum, x)));
  register("BitwiseAnd", (b, { input }) => b.apply("BitwiseAnd", input("a"), input("b")));
  register("Pow", (b, { input }) =>
    inNumbers(b, input("a"), (base) => {
      const exponent = input("b");
      if (base.type === "float32") return power(b, base, exponent);
      const wide = b.apply("Pow", b.cast(base, "float64"), b.cast(exponent, "float64"));
      return b.cast(b.cast(wide, "int64"), "int32");
    }),
  );
}

function registerTests<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  for (const kernel of ORDER_KERNELS) {
    register(kernel, (b, { input }) => b.apply(kernel, numeric(b, input("a")), numeric(b, input("b"))));
  }
  register("Equal", (b, { input }) => b.apply("Equal", input("a"), input("b")));
  register("IsNan", (b, { input }) => b.apply("IsNan", asFloat(b, input("x"))));
  register("LogicalNot", (b, { input }) => b.apply("LogicalNot", b.cast(input("x"), "bool")));
  for (const kernel of ["LogicalAnd", "LogicalOr"] as const) {
    register(kernel, (b, { input }) => b.apply(kernel, b.cast(input("a"), "bool"), b.cast(input("b"), "bool")));
  }
}

function registerChoices<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  register("Select", (b, { input, out }) => {
    const [t, e] = [b.cast(input("t"), out().dtype), b.cast(input("e"), out().dtype)];
    return b.where(asRows(b, b.cast(input("condition"), "bool"), t.shape.length), t, e);
  });
  register("Cast", (b, { input, attr }) => {
    const x = input("x");
    const type = attr<DType>("dtype");
    return x.type === "float32" && type === "int32" ? toInteger(b, x) : b.cast(x, type);
  });
}

function power<V extends LoweredValue>(b: KernelBuilder<V>, base: V, exponent: V): V {
  const constant = b.valuesOf(exponent);
  if (constant?.length === 1 && exponent.shape.length <= base.shape.length) {
    if (constant[0] === 2) return b.apply("Square", base);
    if (constant[0] === 1) return base;
    if (constant[0] === 0.5) return b.apply("Sqrt", base);
    if (constant[0] === -1) return b.apply("Reciprocal", base);
  }
  return b.apply("Pow", base, exponent);
}

/** A condition of fewer axes holds for whole rows. */
function asRows<V extends LoweredValue>(b: KernelBuilder<V>, condition: V, rank: number): V {
  const { shape } = condition;
  if (shape.length === 0 || shape.length >= rank) return condition;
  return b.reshape(condition, [...shape, ...new Array<number>(rank - shape.length).fill(1)]);
}

/** `x` where it is not negative, `alpha x` elsewhere. */
export function prelu<V extends LoweredValue>(b: KernelBuilder<V>, x: V, alpha: V): V {
  return b.where(by(b, "Less", x, 0), b.mul(x, alpha), x);
}

/** Truncates; what no int32 can hold becomes 0. */
function toInteger<V extends LoweredValue>(b: KernelBuilder<V>, x: V): V {
  const fits = by(b, "Less", b.apply("Abs", x), 2 ** 31);
  return b.cast(b.where(fits, x, b.scalar(0)), "int32");
}

/** Computes in float32 or int32 and returns to bool when x is bool. */
export function inNumbers<V extends LoweredValue>(b: KernelBuilder<V>, x: V, f: (x: V) => V): V {
  return b.cast(f(numeric(b, x)), x.type as V["type"]);
}

/** Bool as int32: engines count with numbers only. */
export function numeric<V extends LoweredValue>(b: KernelBuilder<V>, x: V): V {
  return x.type === "bool" ? b.cast(x, "int32") : x;
}

/** Any value as float32. */
export function asFloat<V extends LoweredValue>(b: KernelBuilder<V>, x: V): V {
  return b.cast(x, "float32");
}

/** A float32 result stored in the dtype that the graph says. */
export function fromFloat<V extends LoweredValue>(b: KernelBuilder<V>, x: V, dtype: DType): V {
  return dtype === "int32" ? toInteger(b, x) : b.cast(x, dtype);
}
