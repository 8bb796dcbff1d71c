export { checkLibrary } from "./library/check.js";
export { type FoundLibrary, findLibrary } from "./library/find.js";
export {
  type RemoveResult,
  removeTensorflow,
  type SetupOptions,
  type SetupProgress,
  type SetupResult,
  setupTensorflow,
} from "./library/setup.js";
