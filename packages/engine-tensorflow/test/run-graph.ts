import {
  eager,
  type Graph,
  type HostTensor,
  normal,
  optimize,
  type ProgramFunction,
  seedKey,
  type TensorSpec,
  trace,
} from "@latentkit/jit";

const engine = eager();

/** What a function of inputs is recorded as before the passes of this package. */
export function traced(f: ProgramFunction, inputs: Readonly<Record<string, TensorSpec>>): Graph {
  return optimize(trace(f, { state: {}, inputs }).graph, engine.capabilities);
}

/** The outputs of a graph for normal inputs, kernel by kernel on the reference engine. */
export async function runGraph(graph: Graph): Promise<readonly HostTensor[]> {
  const program = await engine.compile(graph, engine.createStore());
  const inputs = graph.inputs.map(({ value }, i): HostTensor => {
    const { shape } = graph.values[value] as TensorSpec;
    return { shape, dtype: "float32", data: normal(seedKey(i), shape).dataSync() as Float32Array };
  });
  return program.run(inputs);
}

/** The largest magnitude among elements. */
export function magnitude({ data }: HostTensor): number {
  return Float32Array.from(data).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** The largest difference of two lists of tensors, in units of the largest element of each. */
export function largestDifference(actual: readonly HostTensor[], expected: readonly HostTensor[]): number {
  const differences = expected.map((known, i) => {
    const { data } = actual[i] as HostTensor;
    const difference = Float32Array.from(data).map((value, j) => value - (known.data[j] as number));
    return magnitude({ ...known, data: difference }) / magnitude(known);
  });
  return differences.reduce((most, value) => Math.max(most, value), 0);
}

/** How often each kernel occurs. */
export function kernelCounts({ nodes }: Graph): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { kernel } of nodes) counts[kernel] = (counts[kernel] ?? 0) + 1;
  return counts;
}
