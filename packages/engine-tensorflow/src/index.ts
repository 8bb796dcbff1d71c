export { checkLibrary } from "./library/check.js";
export { type FoundLibrary, findLibrary } from "./library/find.js";
export type { Lowering, Precision } from "./lowering/index.js";
export { type TensorflowEngine, type TensorflowOptions, tensorflow } from "./runtime/tensorflow.js";
