import { engine, type NamedAttrMap, type NamedTensorMap, type Tensor } from "@tensorflow/tfjs-core";
import type { Attrs } from "../graph.js";

/** Calls a kernel with one output on the active backend, recorded on the tape: for kernels that no public op exposes. */
export function runKernel(kernel: string, inputs: Readonly<Record<string, Tensor>>, attrs: Attrs = {}): Tensor {
  return engine().runKernel(kernel, inputs as NamedTensorMap, { ...attrs } as NamedAttrMap) as Tensor;
}
