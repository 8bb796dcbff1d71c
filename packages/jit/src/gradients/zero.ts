import { defineGradient } from "./define.js";
import { zeros } from "./shapes.js";

const BINARY = [
  ...["BitwiseAnd", "Equal", "FloorDiv", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr"],
  "NotEqual",
];
for (const kernel of BINARY) {
  defineGradient(kernel, ["a", "b"], (_dy, { a, b }) => ({ a: () => zeros(a.shape), b: () => zeros(b.shape) }));
}

const UNARY = [
  ...[
    "All",
    "Any",
    "ArgMax",
    "ArgMin",
    "Ceil",
    "Floor",
    "IsFinite",
    "IsInf",
    "IsNan",
    "LogicalNot",
    "OnesLike",
    "Round",
  ],
  ...["Sign", "Step", "ZerosLike"],
];
for (const kernel of UNARY) defineGradient(kernel, ["x"], (_dy, { x }) => ({ x: () => zeros(x.shape) }));

defineGradient("SearchSorted", ["sortedSequence", "values"], (_dy, { sortedSequence, values }) => ({
  sortedSequence: () => zeros(sortedSequence.shape),
  values: () => zeros(values.shape),
}));
