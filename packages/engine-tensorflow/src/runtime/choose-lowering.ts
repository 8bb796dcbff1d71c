import type { Graph } from "@latentkit/jit";
import type { Lowering, Precision } from "../lowering/index.js";

/** Whether a kernel is a convolution or its gradient. */
const isConvolution = (kernel: string): boolean => /Conv[23]D/i.test(kernel);

/** Whether a program replaces most of the state that it reads: a training step, which runs thousands of times. A sampling step reads weights and replaces its carry. */
function isTrainingStep({ states }: Graph): boolean {
  const read = states.filter(({ before }) => before !== undefined);
  return read.filter(({ after }) => after !== undefined).length * 2 > read.length;
}

/**
 * The lowering that measurements favour (docs/engines.md). Training steps are worth compiling: those with convolutions leave them to oneDNN and
 * compile what lies between, all others are compiled as a whole. Everything else runs a few times and starts at once as a graph. In bf16
 * products are oneDNN's, since XLA computes them in float32 on CPU.
 */
export function chooseLowering(graph: Graph, { xla, precision }: { xla: boolean; precision: Precision }): Lowering {
  if (!xla || !isTrainingStep(graph)) return "graph";
  if (precision === "bf16") return "clusters";
  return graph.nodes.some(({ kernel }) => isConvolution(kernel)) ? "clusters" : "xla";
}
