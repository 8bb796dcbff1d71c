import type { Graph, GraphNode, ValueId } from "../graph.js";
import type { TensorSpec } from "../host-tensor.js";
import { rewire } from "./rewrite.js";

const MAX_HASHED = 64;

/** Keeps one of several nodes that compute the same, and one of several equal small constants. Random kernels are functions of their key, so they merge too. */
export function mergeCommonSubexpressions(graph: Graph): Graph {
  const first = new Map<ValueId, ValueId>();
  const resolve = (id: ValueId): ValueId => first.get(id) ?? id;
  mergeConstants(graph, first);
  const seen = new Map<string, GraphNode>();
  const kept: GraphNode[] = [];
  for (const node of graph.nodes) {
    const inputs = Object.entries(node.inputs).map(([name, id]) => [name, resolve(id)]);
    const signature = JSON.stringify([node.kernel, inputs, sortedAttrs(node)]);
    const twin = seen.get(signature);
    if (twin === undefined) {
      seen.set(signature, node);
      kept.push(node);
      continue;
    }
    node.outputs.forEach((id, i) => {
      first.set(id, twin.outputs[i] as ValueId);
    });
  }
  return rewire(graph, kept, resolve);
}

function sortedAttrs(node: GraphNode): [string, unknown][] {
  return Object.entries(node.attrs)
    .map(([name, value]): [string, unknown] => [
      name,
      typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function mergeConstants(graph: Graph, first: Map<ValueId, ValueId>): void {
  const seen = new Map<string, ValueId>();
  for (const [id, data] of graph.constants) {
    if (data.length > MAX_HASHED) continue;
    const { dtype, shape } = graph.values[id] as TensorSpec;
    const bits = [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)].join();
    const signature = `${dtype}[${shape}]${bits}`;
    const twin = seen.get(signature);
    if (twin === undefined) seen.set(signature, id);
    else first.set(id, twin);
  }
}
