import type { Graph, GraphNode, TensorSpec, ValueId } from "@latentkit/jit";
import { product } from "@latentkit/jit/lowering";

/** Several AdamUpdates as one: inputs `param0, grad0, m0, v0, param1, …, stepSize, epsilonHat`, outputs in the same order. */
export const JOINED_UPDATES = "_AdamUpdates";

/** Parameters of at most this many elements cost more in calls than in arithmetic. */
const MAX_JOINED = 1 << 15;

/** Joins the updates of small parameters that share their settings, so that biases and scales cost a few operators together. */
export function joinUpdates(graph: Graph): Graph {
  const groups = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) {
    if (node.kernel !== "AdamUpdate" || sizeOf(graph, node) > MAX_JOINED) continue;
    const settings = JSON.stringify([node.attrs, node.inputs.stepSize, node.inputs.epsilonHat]);
    groups.set(settings, [...(groups.get(settings) ?? []), node]);
  }
  return [...groups.values()].filter((group) => group.length > 1 && isUnbroken(graph, group)).reduce(joined, graph);
}

function sizeOf(graph: Graph, { inputs }: GraphNode): number {
  return product((graph.values[inputs.param as ValueId] as TensorSpec).shape);
}

/** Whether nothing between the first and the last of the group reads what the group computes. */
function isUnbroken({ nodes }: Graph, group: readonly GraphNode[]): boolean {
  const outputs = new Set(group.flatMap((node) => node.outputs));
  const between = nodes.slice(nodes.indexOf(group[0] as GraphNode), nodes.indexOf(group.at(-1) as GraphNode) + 1);
  return between.every((node) => Object.values(node.inputs).every((id) => !outputs.has(id)));
}

function joined(graph: Graph, group: readonly GraphNode[]): Graph {
  const last = group.at(-1) as GraphNode;
  const inputs = Object.fromEntries(
    group.flatMap((node, i) =>
      ["param", "grad", "m", "v"].map((name) => [`${name}${i}`, node.inputs[name] as ValueId]),
    ),
  );
  const { stepSize, epsilonHat } = last.inputs as Record<string, ValueId>;
  const node: GraphNode = {
    ...last,
    kernel: JOINED_UPDATES,
    attrs: { ...last.attrs, count: group.length },
    inputs: { ...inputs, stepSize: stepSize as ValueId, epsilonHat: epsilonHat as ValueId },
    outputs: group.flatMap(({ outputs }) => outputs),
  };
  return {
    ...graph,
    nodes: graph.nodes.flatMap((other) => (other === last ? [node] : group.includes(other) ? [] : [other])),
  };
}
