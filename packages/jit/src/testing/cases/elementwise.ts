import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../gradients/run-kernel.js";
import { AWAY, between, bools, type CaseInput, float, floats, ints, kernelCase, VALUES_ONLY } from "./case.js";

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

const UNARY: readonly [kernel: string, op: Unary, input: CaseInput][] = [
  ["Abs", tf.abs, AWAY],
  ["Acos", tf.acos, between(-0.8, 0.8, 3, 3)],
  ["Acosh", tf.acosh, between(1.3, 3, 3, 3)],
  ["Asin", tf.asin, between(-0.8, 0.8, 3, 3)],
  ["Asinh", tf.asinh, between(-2, 2, 3, 3)],
  ["Atan", tf.atan, between(-2, 2, 3, 3)],
  ["Atanh", tf.atanh, between(-0.8, 0.8, 3, 3)],
  ["Ceil", tf.ceil, AWAY],
  ["ClipByValue", (x) => tf.clipByValue(x, -1, 1), AWAY],
  ["Cos", tf.cos, float(3, 3)],
  ["Cosh", tf.cosh, float(3, 3)],
  ["Elu", tf.elu, AWAY],
  ["Erf", tf.erf, between(-1.5, 1.5, 3, 3)],
  ["Exp", tf.exp, between(-2, 2, 3, 3)],
  ["Expm1", tf.expm1, float(3, 3)],
  ["Floor", tf.floor, AWAY],
  ["Log", tf.log, between(0.3, 3, 3, 3)],
  ["Log1p", tf.log1p, between(-0.5, 2, 3, 3)],
  ["Neg", tf.neg, float(3, 3)],
  ["OnesLike", (x) => tf.add(tf.onesLike(x), x), float(3, 3)],
  ["Reciprocal", tf.reciprocal, between(0.5, 2, 3, 3)],
  ["Relu", tf.relu, AWAY],
  ["Relu6", tf.relu6, floats([-1.3, -0.4, 0.4, 2, 5.2, 6.5, 8], 7)],
  ["Round", tf.round, AWAY],
  ["Rsqrt", tf.rsqrt, between(0.5, 3, 3, 3)],
  ["Selu", tf.selu, AWAY],
  ["Sigmoid", tf.sigmoid, between(-3, 3, 3, 3)],
  ["Sign", tf.sign, AWAY],
  ["Sin", tf.sin, float(3, 3)],
  ["Sinh", tf.sinh, float(3, 3)],
  ["Softplus", tf.softplus, between(-3, 3, 3, 3)],
  ["Sqrt", tf.sqrt, between(0.4, 3, 3, 3)],
  ["Square", tf.square, float(3, 3)],
  ["Step", (x) => tf.step(x, 0.25), AWAY],
  ["Tan", tf.tan, float(3, 3)],
  ["Tanh", tf.tanh, between(-2, 2, 3, 3)],
  ["LeakyRelu", (x) => tf.leakyRelu(x, 0.1), AWAY],
  ["ZerosLike", (x) => tf.add(tf.zerosLike(x), x), float(3, 3)],
];

const BINARY: readonly [kernel: string, op: Binary, low: number, high: number][] = [
  ["Add", tf.add, -1, 1],
  ["Sub", tf.sub, -1, 1],
  ["Multiply", tf.mul, -1, 1],
  ["RealDiv", tf.div, 0.5, 2],
  ["Pow", tf.pow, 0.4, 2],
  ["Maximum", tf.maximum, -8, 8],
  ["Minimum", tf.minimum, -8, 8],
  ["SquaredDifference", tf.squaredDifference, -1, 1],
  ["Atan2", tf.atan2, 0.3, 2],
];

/** Pairs of shapes that broadcast; sizes are chosen so that evenly spread values never meet. */
const BROADCASTS: readonly [string, number[], number[]][] = [
  ["same shape", [2, 3], [2, 3]],
  ["scalar right", [2, 3], []],
  ["scalar left", [], [5]],
  ["row", [4, 3], [3]],
  ["outer", [3, 1], [1, 4]],
  ["both ways", [2, 1, 3], [2, 1]],
  ["rank 5", [2, 1, 2, 1, 2], [1, 3, 1, 2, 1]],
];

const COMPARISONS: readonly [string, Binary][] = [
  ["Equal", tf.equal],
  ["NotEqual", tf.notEqual],
  ["Greater", tf.greater],
  ["GreaterEqual", tf.greaterEqual],
  ["Less", tf.less],
  ["LessEqual", tf.lessEqual],
];

const comparable = [0, -1, 2.5, 3, -7, 2];
const SPECIAL = floats([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -3.5, 1e30], 6);
const DTYPES = [floats([0, 1.7, -2.3, 300.9], 4), ints([0, 1, -2, 70000], 4), bools([0, 1, 1, 0], 4)];

export const elementwiseCases = [
  ...UNARY.map(([kernel, op, input]) => kernelCase(kernel, kernel, [input], op)),
  ...UNARY.slice(0, 1).flatMap(([kernel, op]) => [
    kernelCase(`${kernel} of a scalar`, kernel, [floats([-1.5])], op),
    kernelCase(`${kernel} of rank 5`, kernel, [between(0.2, 1, 1, 2, 1, 3, 2)], op),
  ]),
  ...(["Abs", "Neg", "Relu", "Sign", "Square"] as const).map((kernel) =>
    kernelCase(
      `${kernel} of int32`,
      kernel,
      [ints([-3, 0, 2, 9], 2, 2)],
      UNARY.find(([k]) => k === kernel)?.[1] as Unary,
      VALUES_ONLY,
    ),
  ),
  kernelCase("Round to even", "Round", [floats([0.5, 1.5, 2.5, -0.5, -1.5, 3.2], 6)], tf.round, VALUES_ONLY),
  kernelCase("Sigmoid of large values", "Sigmoid", [floats([-100, -20, 20, 100], 4)], tf.sigmoid, VALUES_ONLY),
  kernelCase("Softplus of large values", "Softplus", [floats([-100, -20, 20, 100], 4)], tf.softplus, VALUES_ONLY),
  kernelCase("Elu of large values", "Elu", [floats([-100, 0, 100], 3)], tf.elu, VALUES_ONLY),
  kernelCase("logSigmoid", "Neg Softplus", [between(-3, 3, 7)], tf.logSigmoid),
  kernelCase(
    "ClipByValue of int32",
    "ClipByValue",
    [ints([-5, 0, 3, 9], 4)],
    (x) => tf.clipByValue(x, -1, 4),
    VALUES_ONLY,
  ),
  kernelCase("IsNan", "IsNan", [SPECIAL], tf.isNaN, VALUES_ONLY),
  kernelCase("IsInf", "IsInf", [SPECIAL], tf.isInf, VALUES_ONLY),
  kernelCase("IsFinite", "IsFinite", [SPECIAL], tf.isFinite, VALUES_ONLY),
  kernelCase("EluGrad", "EluGrad", [float(3, 4), between(-0.9, 2, 3, 4)], (dy, y) => runKernel("EluGrad", { dy, y })),
  kernelCase("Prelu by channel", "Prelu", [AWAY, between(0.1, 0.6, 4)], tf.prelu),
  kernelCase("Prelu by element", "Prelu", [AWAY, between(0.1, 0.6, 2, 4)], tf.prelu),
  ...BINARY.flatMap(([kernel, op, low, high]) =>
    BROADCASTS.map(([shapes, a, b]) =>
      kernelCase(`${kernel}, ${shapes}`, kernel, [between(low, high, ...a), between(low + 0.3, high + 0.4, ...b)], op),
    ),
  ),
  ...BINARY.filter(([kernel]) => kernel !== "Atan2" && kernel !== "Pow" && kernel !== "RealDiv").map(([kernel, op]) =>
    kernelCase(`${kernel} of int32`, kernel, [ints([5, -3, 0, 7], 2, 2), ints([2, -4], 2)], op, VALUES_ONLY),
  ),
  kernelCase("Pow of negative numbers to a whole power", "Pow", [AWAY], (x) => tf.pow(x, tf.scalar(3))),
  kernelCase("Mod", "Mod", [floats([5.3, -5.3, 7.1, -0.4], 4), floats([2, 3, -2, 1.5], 4)], tf.mod),
  kernelCase("Mod with a row", "Mod", [floats([5.3, -5.3, 7.1, -0.4], 2, 2), floats([2, 3], 2)], tf.mod),
  kernelCase("Mod of int32", "Mod", [ints([5, -5, 5, -5], 4), ints([3, 3, -3, -3], 4)], tf.mod, VALUES_ONLY),
  kernelCase("FloorDiv", "FloorDiv", [ints([7, -7, 7, -7], 4), ints([2, 2, -2, -2], 4)], tf.floorDiv, VALUES_ONLY),
  kernelCase(
    "FloorDiv by a constant, exact where its reciprocal is not",
    "FloorDiv",
    [ints([48, 49, 50, 98, -49, -50], 6)],
    (x) => tf.floorDiv(x, tf.scalar(49, "int32")),
    VALUES_ONLY,
  ),
  kernelCase("division of int32", "FloorDiv", [ints([7, -7, 8, -9], 2, 2), ints([2, 4], 2)], tf.div, VALUES_ONLY),
  kernelCase(
    "FloorDiv has gradient 0",
    "FloorDiv",
    [AWAY],
    (x) => tf.mul(x, tf.cast(tf.floorDiv(x, tf.scalar(0.5)), "float32")),
    {
      secondOrder: false,
    },
  ),
  kernelCase(
    "BitwiseAnd",
    "BitwiseAnd",
    [ints([12, 10, -1, 255], 4), ints([10, 6, 77, -256], 4)],
    tf.bitwiseAnd,
    VALUES_ONLY,
  ),
  ...COMPARISONS.flatMap(([kernel, op]) => [
    kernelCase(kernel, kernel, [floats(comparable, 2, 3), floats([0, 2.5, 2], 3)], op, VALUES_ONLY),
    kernelCase(`${kernel} of int32`, kernel, [ints([0, -1, 2, 3], 2, 2), ints([2], 1)], op, VALUES_ONLY),
    kernelCase(`where(${kernel})`, `${kernel} Select`, [AWAY, float(2, 4)], (x, y) =>
      tf.where(op(x, tf.scalar(0.5)), tf.mul(x, y), tf.square(x)),
    ),
  ]),
  kernelCase("LogicalAnd", "LogicalAnd", [bools([1, 1, 0, 0], 4), bools([1, 0, 1, 0], 4)], tf.logicalAnd, VALUES_ONLY),
  kernelCase("LogicalOr", "LogicalOr", [bools([1, 1, 0, 0], 2, 2), bools([1, 0], 2)], tf.logicalOr, VALUES_ONLY),
  kernelCase("LogicalNot", "LogicalNot", [bools([1, 0, 0], 3)], tf.logicalNot, VALUES_ONLY),
  kernelCase("Select", "Select", [bools([1, 0, 0, 1], 2, 2), float(2, 2), float(2, 2)], tf.where),
  kernelCase("Select, broadcast", "Select Tile", [bools([1, 0, 1], 3), float(2, 3), float()], tf.where),
  kernelCase(
    "Select of int32",
    "Select",
    [bools([1, 0, 1], 3), ints([1, 2, 3], 3), ints([-1, -2, -3], 3)],
    tf.where,
    VALUES_ONLY,
  ),
  kernelCase(
    "Select of bool",
    "Select",
    [bools([1, 0, 1], 3), bools([1, 0, 0], 3), bools([0, 1, 1], 3)],
    tf.where,
    VALUES_ONLY,
  ),
  kernelCase(
    "Select hides an infinite branch",
    "Select Log",
    [floats([-1, 0, 2], 3)],
    (x) => tf.where(tf.greater(x, 0), tf.log(x), x),
    VALUES_ONLY,
  ),
  kernelCase("AddN", "AddN", [float(2, 3), float(2, 3), float(2, 3)], (...xs) => tf.addN(xs)),
  ...DTYPES.flatMap((input) =>
    (["float32", "int32", "bool"] as const)
      .filter((to) => to !== input.dtype)
      .map((to) => kernelCase(`Cast ${input.dtype} to ${to}`, "Cast", [input], (x) => tf.cast(x, to), VALUES_ONLY)),
  ),
  kernelCase(
    "a cast to int32 has gradient 0",
    "Cast",
    [AWAY],
    (x) => tf.mul(x, tf.cast(tf.cast(x, "int32"), "float32")),
    { secondOrder: false },
  ),
  kernelCase("Identity", "Identity", [float(2, 3)], (x) => tf.clone(x)),
];
