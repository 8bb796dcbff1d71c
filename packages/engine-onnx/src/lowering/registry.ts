import { type GraphNode, type TensorSpec, UnsupportedKernelError } from "@latentkit/jit";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";

/** What a lowering sees of one node of the graph. */
export interface Call {
  readonly node: GraphNode;
  /** A required input by tfjs-core's name. */
  readonly input: (name: string) => OnnxValue;
  /** An input that may be absent. */
  readonly optional: (name: string) => OnnxValue | undefined;
  /** Inputs of a kernel that takes a list, in order. */
  readonly list: () => OnnxValue[];
  /** Shape and dtype of an output. */
  readonly out: (i?: number) => TensorSpec;
  /** An attribute as tfjs-core passes it. */
  readonly attr: <T>(name: string) => T;
  /** The error for a form of the kernel that cannot be lowered. */
  readonly unsupported: (detail: string) => UnsupportedKernelError;
}

/** Writes one kernel call as ONNX nodes and gives back its outputs, of the types that the graph says. */
export type Lowering = (b: OnnxBuilder, call: Call) => OnnxValue | readonly OnnxValue[];

const lowerings = new Map<string, Lowering>();

/** Declares how kernels become ONNX nodes. */
export function registerLowering(kernels: string | readonly string[], lowering: Lowering): void {
  for (const kernel of typeof kernels === "string" ? [kernels] : kernels) {
    if (lowerings.has(kernel)) throw new Error(`lowering of kernel ${kernel} is registered twice`);
    lowerings.set(kernel, lowering);
  }
}

/** The lowering of a kernel. @throws UnsupportedKernelError when there is none. */
export function loweringOf(node: GraphNode): Lowering {
  const lowering = lowerings.get(node.kernel);
  if (lowering === undefined) throw new UnsupportedKernelError("onnx", node.kernel, node.site);
  return lowering;
}

/** Every kernel that has a lowering. */
export function loweredKernels(): ReadonlySet<string> {
  return new Set(lowerings.keys());
}
