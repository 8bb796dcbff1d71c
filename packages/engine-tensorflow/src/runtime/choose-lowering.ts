import type { Graph } from "@latentkit/jit";
import type { Lowering, Precision } from "../lowering/index.js";

/** Whether a kernel is a convolution or its gradient. */
const isConvolution = (kernel: string): boolean => /Conv[23]D/i.test(kernel);

/**
 * The lowering that measurements favour: programs with convolutions leave them to oneDNN and compile what lies between; all others are
 * compiled as a whole. Without XLA, or in bf16, whose products XLA computes in float32 on CPU, oneDNN computes.
 */
export function chooseLowering(graph: Graph, { xla, precision }: { xla: boolean; precision: Precision }): Lowering {
  if (!xla) return "graph";
  if (precision === "bf16") return "clusters";
  return graph.nodes.some(({ kernel }) => isConvolution(kernel)) ? "clusters" : "xla";
}
