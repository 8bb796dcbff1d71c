import type { Attrs } from "../graph.js";
import type { TensorSpec } from "../host-tensor.js";

/** Named inputs of a kernel as specs; lists come as "0", "1", … */
export type InputSpecs = Readonly<Record<string, TensorSpec>>;

/**
 * Shape and dtype of a kernel's outputs from those of its inputs: what running it on tfjs's cpu backend would give.
 * A kernel with one output returns one spec; a kernel whose op expects a list (`SplitV`, `Unpack`, `TopK`) returns a list.
 */
export type Infer = (inputs: InputSpecs, attrs: Attrs) => TensorSpec | readonly TensorSpec[];

const registry = new Map<string, Infer>();

/** Declares how to infer the outputs of `kernel` while tracing. */
export function registerInference(kernel: string, infer: Infer): void {
  if (registry.has(kernel)) throw new Error(`inference of kernel ${kernel} is registered twice`);
  registry.set(kernel, infer);
}

/** All kernels that can be traced. */
export function inferences(): ReadonlyMap<string, Infer> {
  return registry;
}
