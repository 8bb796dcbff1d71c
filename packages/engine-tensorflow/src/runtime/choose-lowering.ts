import type { Graph } from "@latentkit/jit";
import type { Lowering, Precision } from "../lowering/index.js";

/** How a program is executed. */
export interface LoweringPlan {
  readonly first: Lowering;
  /** From its run number {@link REPEATED} on, when that differs. */
  readonly repeated?: Lowering;
}

/** Runs after which compiling a sampling step has paid, or soon will: XLA takes about as long as some hundred runs of a graph. */
export const REPEATED = 256;

/** Whether a kernel is a convolution or its gradient. */
const isConvolution = (kernel: string): boolean => /Conv[23]D/i.test(kernel);

/** Whether a program replaces most of the state that it reads: a training step, which runs thousands of times. */
function isTrainingStep({ states }: Graph): boolean {
  const read = states.filter(({ before }) => before !== undefined);
  return read.filter(({ after }) => after !== undefined).length * 2 > read.length;
}

/** Whether a program replaces some of the state that it reads: besides training steps, those of sampling, which read weights and replace a carry. */
const replacesState = ({ states }: Graph): boolean =>
  states.some(({ before, after }) => before !== undefined && after !== undefined);

/**
 * The lowering that measurements favour (docs/engines.md). Training steps are worth compiling: those with convolutions leave them to oneDNN and
 * compile what lies between, all others are compiled as a whole. Everything else starts at once as a graph; a sampling step that turns out to
 * run often is compiled then. In bf16 products are oneDNN's, since XLA computes them in float32 on CPU.
 */
export function chooseLowering(graph: Graph, { xla, precision }: { xla: boolean; precision: Precision }): LoweringPlan {
  const convolutions = graph.nodes.some(({ kernel }) => isConvolution(kernel));
  if (xla && isTrainingStep(graph)) return { first: precision === "bf16" || convolutions ? "clusters" : "xla" };
  const compiledLater = xla && precision === "float32" && !convolutions && replacesState(graph);
  return compiledLater ? { first: "graph", repeated: "xla" } : { first: "graph" };
}
