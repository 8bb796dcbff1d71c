import type { DType } from "../host-tensor.js";

/** What an engine calls a value of the graph that it writes: its shape and type are known before it is computed. */
export interface LoweredValue {
  readonly shape: readonly number[];
  readonly type: string;
}

/** Types of values: those of kernels, two that hold more, and the engine's own. */
export type TypeOf<V extends LoweredValue> = DType | "int64" | "float64" | V["type"];

/** Kernels of one input that compute in float32, whatever comes in. */
export const FLOAT_KERNELS = [
  ...["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Elu", "Erf", "Exp", "Log", "Reciprocal"],
  ...["Selu", "Sigmoid", "Sin", "Sinh", "Sqrt", "Tan", "Tanh"],
] as const;

/** Kernels of one input that leave int32 as it is. */
export const ROUNDING_KERNELS = ["Ceil", "Floor", "Round"] as const;

/** Kernels of float32 and int32; bool counts as int32. */
export const NUMBER_KERNELS = {
  unary: ["Abs", "Neg", "Sign", "Square"],
  binary: ["Add", "Sub", "Multiply", "Maximum", "Minimum"],
} as const;

/** Kernels that compare float32 or int32; bool counts as int32. */
export const ORDER_KERNELS = ["Greater", "GreaterEqual", "Less", "LessEqual"] as const;

/** The element-wise kernels that every engine computes itself. */
export type ElementwiseKernel =
  | (typeof FLOAT_KERNELS | typeof ROUNDING_KERNELS | typeof ORDER_KERNELS)[number]
  | (typeof NUMBER_KERNELS)["unary" | "binary"][number]
  | ("Pow" | "BitwiseAnd" | "Equal" | "IsNan" | "LogicalAnd" | "LogicalNot" | "LogicalOr");

/** Element-wise kernels that give bool whatever comes in. */
const TESTS: ReadonlySet<string> = new Set([...ORDER_KERNELS, "Equal", "IsNan"]);

/** The type that an element-wise kernel gives for a first input of type `type`. */
export function typeAfter<T>(kernel: ElementwiseKernel, type: T): T | "bool" {
  return TESTS.has(kernel) ? "bool" : type;
}

/**
 * What lowerings that all engines share write a graph with, in the words of tfjs-core's kernels. Shapes are known and fit: the trace has
 * checked them. Calls that change nothing give the value itself.
 */
export interface KernelBuilder<V extends LoweredValue> {
  /** Values known when the graph is written; float32 unless told. */
  constant(values: ArrayLike<number>, shape: readonly number[], type?: TypeOf<V>): V;
  scalar(value: number, type?: TypeOf<V>): V;
  /** One value repeated. */
  filled(value: number, shape: readonly number[], type?: DType): V;
  /** The elements of a constant, if the value is one. */
  valuesOf(x: V): ArrayLike<number | bigint> | undefined;

  /** An element-wise kernel of one input, or of two that broadcast and have one type. */
  apply(kernel: ElementwiseKernel, x: V, y?: V): V;
  add(a: V, b: V): V;
  sub(a: V, b: V): V;
  mul(a: V, b: V): V;
  /** A quotient of floats. */
  div(a: V, b: V): V;
  /** `condition ? t : e`, all three broadcast. */
  where(condition: V, t: V, e: V): V;
  cast(x: V, type: TypeOf<V>): V;

  reshape(x: V, shape: readonly number[]): V;
  transpose(x: V, perm: readonly number[]): V;
  /** x repeated along axes of size 1 until it has the shape. */
  expand(x: V, shape: readonly number[]): V;
  tile(x: V, reps: readonly number[]): V;
  reverse(x: V, axes: readonly number[]): V;
  /** Adds `before` and `after` elements along every axis. */
  pad(x: V, before: readonly number[], after: readonly number[], value?: number): V;
  /** `size` elements from `begin` along every axis. */
  slice(x: V, begin: readonly number[], size: readonly number[]): V;
  concat(parts: readonly V[], axis: number): V;
  split(x: V, sizes: readonly number[], axis: number): V[];

  /** `Sum`, `Prod`, `Max`, `Min` or `Mean` over some axes, which are kept with size 1 when asked; over none it is x itself. */
  reduce(kernel: string, x: V, axes: readonly number[], keepDims?: boolean): V;
  /** The product of matrices; leading axes broadcast. */
  matMul(a: V, b: V): V;
}

/** An element-wise kernel of x and a number, as a scalar of x's type. */
export function by<V extends LoweredValue>(b: KernelBuilder<V>, kernel: ElementwiseKernel, x: V, value: number): V {
  return b.apply(kernel, x, b.scalar(value, x.type as V["type"]));
}
