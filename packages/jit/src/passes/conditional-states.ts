import { type Graph, type GraphNode, type GraphState, producersOf, type ValueId } from "../graph.js";
import { sizeOf, type TensorSpec } from "../host-tensor.js";

/** Kernels that only repeat or rename a condition of one element. */
const SPREADS = new Set(["Tile", "Reshape", "BroadcastTo", "ExpandDims", "Identity", "Cast"]);

/**
 * Turns `state after = where(flag, next, before)` with a flag of one element into a conditional state: the engine keeps the old tensor
 * when the flag is false, instead of copying one of two tensors element by element. Nested choices become one flag.
 */
export function findConditionalStates(graph: Graph): Graph {
  const producer = producersOf(graph);
  const values = [...graph.values];
  const nodes = [...graph.nodes];
  const both = new Map<string, ValueId>();
  const and = (a: ValueId, b: ValueId): ValueId => {
    const known = both.get(`${a} ${b}`);
    if (known !== undefined) return known;
    const id = values.push({ shape: broadcast(values[a] as TensorSpec, values[b] as TensorSpec), dtype: "bool" }) - 1;
    nodes.push({ kernel: "LogicalAnd", attrs: {}, inputs: { a, b }, outputs: [id], site: "" });
    both.set(`${a} ${b}`, id);
    return id;
  };
  const states = graph.states.map((state) => {
    let now = state;
    for (let next = conditional(graph, producer, now); next !== undefined; next = conditional(graph, producer, now)) {
      now = { ...next, when: now.when === undefined ? (next.when as ValueId) : and(now.when, next.when as ValueId) };
    }
    return now;
  });
  return { ...graph, values, nodes, states };
}

/** Both have one element; the one of higher rank gives the shape. */
const broadcast = (a: TensorSpec, b: TensorSpec): readonly number[] =>
  a.shape.length > b.shape.length ? a.shape : b.shape;

function conditional(
  graph: Graph,
  producer: ReadonlyMap<ValueId, GraphNode>,
  state: GraphState,
): GraphState | undefined {
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
    if (
      sizeOf(shape) === 1 &&
      dtype === "bool" &&
      (shape.length === 0 || node === undefined || !SPREADS.has(node.kernel))
    )
      return id;
    if (node === undefined || !SPREADS.has(node.kernel)) return undefined;
    const input = node.inputs.x ?? node.inputs.input;
    if (input === undefined) return undefined;
    id = input;
  }
}
