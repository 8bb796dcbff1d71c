import { registerCreation } from "./creation.js";
import { registerElementwise } from "./elementwise.js";
import type { KernelBuilder, LoweredValue } from "./kernel-builder.js";
import { registerLayout } from "./layout.js";
import { registerResponseNormalization } from "./normalization.js";
import { registerRandomness, type Words } from "./philox.js";
import { registerReduction } from "./reduction.js";
import type { Register } from "./registry.js";
import { registerBilinearResizing } from "./resize.js";

/** Declares the lowerings that engines share: what an engine declares itself is what it computes in a way of its own. */
export function registerShared<V extends LoweredValue, B extends KernelBuilder<V>>(
  register: Register<B, V>,
  words: Words<B, V>,
): void {
  registerCreation(register);
  registerElementwise(register);
  registerLayout(register);
  registerReduction(register);
  registerResponseNormalization(register);
  registerBilinearResizing(register);
  registerRandomness(register, words);
}
