export { checkGradient } from "./finite-difference.js";
export { type KernelCase, kernelCases } from "./kernel-cases.js";
export { type TestEngineOptions, testEngine } from "./test-engine.js";
