import type { OnnxGraph, OnnxNode, OnnxValue } from "../proto.js";

/** Drops nodes, constants and inputs that no output needs. */
export function removeDeadNodes(graph: OnnxGraph): OnnxGraph {
  const live = new Set(graph.outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some(({ name }) => live.has(name))) continue;
    for (const input of node.inputs) if (input !== undefined) live.add(input.name);
    kept.push(node);
  }
  return {
    nodes: kept.reverse(),
    constants: new Map([...graph.constants].filter(([name]) => live.has(name))),
    inputs: graph.inputs.filter(({ name }) => live.has(name)),
    outputs: graph.outputs,
  };
}

/** Gives values other names. */
export function renameValues(graph: OnnxGraph, names: ReadonlyMap<string, string>): OnnxGraph {
  const rename = (value: OnnxValue): OnnxValue => ({ ...value, name: names.get(value.name) ?? value.name });
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((value) => value && rename(value)),
      outputs: node.outputs.map(rename),
    })),
    inputs: graph.inputs.map(rename),
    outputs: graph.outputs.map(rename),
  };
}
