export { checkLibrary } from "./library/check.js";
export { ensureLoadable } from "./library/ensure-loadable.js";
export { type FoundLibrary, findLibrary } from "./library/find.js";
export type { SetupProgress } from "./library/progress.js";
export { type RemoveResult, removeTensorflow } from "./library/remove.js";
export { type SetupOptions, type SetupResult, setupTensorflow } from "./library/setup.js";
export type { Lowering, Precision } from "./lowering/index.js";
export { type TensorflowEngine, type TensorflowOptions, tensorflow } from "./runtime/tensorflow.js";
