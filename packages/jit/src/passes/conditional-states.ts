import type { Graph, GraphNode, GraphState, ValueId } from "../graph.js";
import { type TensorSpec, sizeOf } from "../host-tensor.js";

/** Kernels that only repeat or rename a condition of one element. */
const SPREADS = new Set(["Tile", "Reshape", "BroadcastTo", "ExpandDims", "Identity", "Cast"]);

/**
 * Turns `state after = where(flag, next, before)` with a flag of one element into a conditional state: the engine keeps the old tensor
 * when the flag is false, instead of copying one of two tensors element by element.
 */
export function findConditionalStates(graph: Graph): Graph {
  const producer = new Map<ValueId, GraphNode>(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
  const states = graph.states.map((state) => conditional(graph, producer, state) ?? state);
  return { ...graph, states };
}

function conditional(graph: Graph, producer: ReadonlyMap<ValueId, GraphNode>, state: GraphState): GraphState | undefined {
  if (state.before === undefined || state.after === undefined) return undefined;
  const select = producer.get(state.after);
  if (select?.kernel !== "Select" || select.inputs.e !== state.before) return undefined;
  const flag = scalarFlag(graph, producer, select.inputs.condition as ValueId);
  return flag === undefined ? undefined : { ...state, after: select.inputs.t as ValueId, when: flag };
}

/** The bool of one element that a condition repeats. */
function scalarFlag(graph: Graph, producer: ReadonlyMap<ValueId, GraphNode>, condition: ValueId): ValueId | undefined {
  let id = condition;
  for (;;) {
    const { shape, dtype } = graph.values[id] as TensorSpec;
    const node = producer.get(id);
    if (sizeOf(shape) === 1 && dtype === "bool" && (shape.length === 0 || node === undefined || !SPREADS.has(node.kernel))) return id;
    if (node === undefined || !SPREADS.has(node.kernel)) return undefined;
    const input = node.inputs.x ?? node.inputs.input;
    if (input === undefined) return undefined;
    id = input;
  }
}
