import { type Graph, type GraphNode, graphResults, type ValueId } from "../graph.js";

/** Drops nodes and constants whose values reach no output and no new state; kernels have no side effects. */
export function removeDeadCode(graph: Graph): Graph {
  const live = new Set<ValueId>(graphResults(graph));
  const kept: GraphNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((id) => live.has(id))) continue;
    for (const id of Object.values(node.inputs)) live.add(id);
    kept.push(node);
  }
  const constants = new Map([...graph.constants].filter(([id]) => live.has(id)));
  return { ...graph, constants, nodes: kept.reverse() };
}
