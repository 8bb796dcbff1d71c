import { upcastType } from "@tensorflow/tfjs-core";
import type { DType } from "../host-tensor.js";
import { attr, broadcast, input, inputList, like, registerAll, spec } from "./rules.js";
import { registerInference } from "./symbolic.js";

const UNARY = [
  ...["Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "ClipByValue", "Cos", "Cosh", "Elu", "Erf"],
  ...["Expm1", "Floor", "Identity", "Log", "Log1p", "Neg", "OnesLike", "Reciprocal", "Relu", "Relu6", "Round", "Rsqrt"],
  ...["Selu", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Sqrt", "Square", "Step", "Tan", "Tanh", "ZerosLike"],
];
registerAll(UNARY, like("x"));
registerAll(["Exp", "LeakyRelu"], like("x", "float32"));
registerAll(["IsFinite", "IsInf", "IsNan", "LogicalNot"], like("x", "bool"));
registerInference("EluGrad", like("y", "float32"));

const BINARY = [
  ...[
    "Add",
    "Atan2",
    "BitwiseAnd",
    "Maximum",
    "Minimum",
    "Mod",
    "Multiply",
    "Pow",
    "RealDiv",
    "SquaredDifference",
    "Sub",
  ],
];
registerAll(BINARY, broadcast("a", "b"));
registerAll(
  ["Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr", "NotEqual"],
  broadcast("a", "b", "bool"),
);
registerInference("FloorDiv", broadcast("a", "b", "int32"));
registerInference("Prelu", broadcast("x", "alpha", "float32"));

registerInference("AddN", (inputs) => {
  const [first] = inputList(inputs);
  return first as NonNullable<typeof first>;
});

registerInference("Cast", (inputs, attrs) => {
  const dtype = attr<string>(attrs, "dtype");
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
    throw new Error(`Cast to ${dtype} cannot be traced; use float32, int32 or bool`);
  }
  return spec(input(inputs, "x").shape, dtype);
});

// tf.where broadcasts its arguments before it calls the kernel.
registerInference("Select", (inputs) => {
  const t = input(inputs, "t");
  return spec(t.shape, upcastType(t.dtype, input(inputs, "e").dtype) as DType);
});
