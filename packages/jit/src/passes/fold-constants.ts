import type { Graph, GraphNode, ValueId } from "../graph.js";
import { sizeOf, type TensorSpec } from "../host-tensor.js";
import { runNode } from "../run-node.js";

const MAX_FOLDED = 1 << 16;

/** Kernels that only say a shape: engines build them more cheaply than they could load the values. */
const GENERATORS = new Set(["Fill", "ZerosLike", "OnesLike"]);

/** Computes nodes whose inputs are all constants, as long as the results stay small. */
export function foldConstants(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes) {
    const ids = Object.values(node.inputs);
    const size = node.outputs.reduce((sum, id) => sum + sizeOf((graph.values[id] as TensorSpec).shape), 0);
    const foldable = ids.every((id) => constants.has(id)) && size <= (GENERATORS.has(node.kernel) ? 1 : MAX_FOLDED);
    if (!foldable) {
      nodes.push(node);
      continue;
    }
    const results = runNode(node, (id: ValueId) => ({
      ...(graph.values[id] as TensorSpec),
      data: constants.get(id) as never,
    }));
    node.outputs.forEach((id, i) => {
      const result = results[i];
      if (result !== undefined) constants.set(id, result.data);
    });
  }
  return { ...graph, constants, nodes };
}
