import type { Graph, GraphNode, GraphState, ValueId } from "../graph.js";

/** A graph with every use of a value replaced through `resolve`, and only the given nodes kept. */
export function rewire(graph: Graph, nodes: readonly GraphNode[], resolve: (id: ValueId) => ValueId): Graph {
  return {
    ...graph,
    nodes: nodes.map((node) => ({
      ...node,
      inputs: Object.fromEntries(Object.entries(node.inputs).map(([name, id]) => [name, resolve(id)])),
    })),
    outputs: graph.outputs.map((port) => ({ ...port, value: resolve(port.value) })),
    states: graph.states.map((state) => rewireState(state, resolve)),
  };
}

/** A state with its result and condition replaced through `resolve`. */
export function rewireState(state: GraphState, resolve: (id: ValueId) => ValueId): GraphState {
  return {
    ...state,
    ...(state.after === undefined ? {} : { after: resolve(state.after) }),
    ...(state.when === undefined ? {} : { when: resolve(state.when) }),
  };
}
