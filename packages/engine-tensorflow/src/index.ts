export { checkLibrary } from "./library/check.js";
export { type FoundLibrary, findLibrary } from "./library/find.js";
