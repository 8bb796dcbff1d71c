import { type Graph, sizeOf, type TensorSpec } from "@latentkit/jit";
import type { Lowering, Precision } from "../lowering/index.js";

/** How a program is executed. */
export interface LoweringPlan {
  readonly first: Lowering;
  /** Another one, when a program has run that often. */
  readonly repeated?: { readonly lowering: Lowering; readonly after: number };
}

/** Values that the runs of a graph compute in about the time that XLA needs to compile it, and runs of small ones that take as long. */
const COMPILATION = { values: 5e8, runs: 256 };

/** Runs after which compiling a sampling step has paid, or soon will. */
function runsOfCompilation({ nodes, values }: Graph): number {
  const computed = nodes.flatMap(({ outputs }) => outputs.map((id) => sizeOf((values[id] as TensorSpec).shape)));
  const aRun = computed.reduce((sum, size) => sum + size, 1);
  return Math.ceil(Math.min(COMPILATION.runs, COMPILATION.values / aRun));
}

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
 * run often is compiled then, the sooner the larger it is. In bf16 products are oneDNN's, since XLA computes them in float32 on CPU.
 */
export function chooseLowering(graph: Graph, { xla, precision }: { xla: boolean; precision: Precision }): LoweringPlan {
  const convolutions = graph.nodes.some(({ kernel }) => isConvolution(kernel));
  if (xla && isTrainingStep(graph)) return { first: precision === "bf16" || convolutions ? "clusters" : "xla" };
  const compiledLater = xla && precision === "float32" && !convolutions && replacesState(graph);
  if (!compiledLater) return { first: "graph" };
  return { first: "graph", repeated: { lowering: "xla", after: runsOfCompilation(graph) } };
}
