import {
  type Graph,
  type GraphNode,
  type GraphState,
  graphResults,
  type TensorSpec,
  type ValueId,
} from "@latentkit/jit";

/** Ours, for XLA: the value itself, which must be in memory before anything is computed from it. */
export const FINISHED = "Finished";

/**
 * Lets what is computed from a new state read it once it is stored: a parameter's update reads the new moments.
 *
 * XLA rather computes such a value again inside every loop that needs it. Then the old moments are read two more times and copied before,
 * since the loop that replaces them runs in place. Values stay the same, bit for bit.
 */
export function updateInPlace(graph: Graph): Graph {
  const deferrable = nodesOfOneVerdict(graph);
  const early = graph.nodes.filter((node) => !deferrable.has(node));
  const deferred = graph.nodes.filter((node) => deferrable.has(node));
  const read = new Set(deferred.flatMap(({ inputs }) => Object.values(inputs)));
  const values = [...graph.values];
  const finished = new Map<ValueId, ValueId>();
  const stored = new Map<GraphState, GraphState>();
  const add = (spec: TensorSpec) => values.push(spec) - 1;
  const states = new Map(
    graph.states.flatMap((state) => (isKept(state) && read.has(state.after) ? [[state.after, state]] : [])),
  );
  const moved = deferred.flatMap((node) => {
    const inputs = Object.entries(node.inputs).map(([name, id]) => [name, finished.get(id) ?? id]);
    const choices = node.outputs.flatMap((id): GraphNode[] => {
      const state = states.get(id);
      if (state === undefined) return [];
      const spec = values[id] as TensorSpec;
      const [verdict, chosen, done] = [add({ shape: [], dtype: "bool" }), add(spec), add(spec)];
      stored.set(state, { path: state.path, before: state.before, after: chosen });
      finished.set(id, done);
      const choice = { condition: verdict, t: id, e: state.before };
      return [
        // it may have more axes than the state
        { kernel: "Reshape", attrs: {}, inputs: { x: state.when }, outputs: [verdict], site: node.site },
        { kernel: "Select", attrs: {}, inputs: choice, outputs: [chosen], site: node.site },
        { kernel: FINISHED, attrs: {}, inputs: { x: chosen }, outputs: [done], site: node.site },
      ];
    });
    return [{ ...node, inputs: Object.fromEntries(inputs) }, ...choices];
  });
  const next = graph.states.map((state) => stored.get(state) ?? state);
  return { ...graph, values, nodes: [...early, ...moved], states: next };
}

export type KeptState = GraphState & Required<Pick<GraphState, "before" | "after" | "when">>;

/** Whether a state stays as it was when a verdict is false. */
export function isKept(state: GraphState): state is KeptState {
  return state.before !== undefined && state.after !== undefined && state.when !== undefined;
}

/** The nodes whose every use ends in states that depend on one verdict. None of the others needs them. */
export function nodesOfOneVerdict(graph: Graph): ReadonlySet<GraphNode> {
  const uses = new Map<ValueId, ValueId | "many">();
  const use = (id: ValueId, verdict: ValueId | "many") => {
    const known = uses.get(id);
    uses.set(id, known === undefined || known === verdict ? verdict : "many");
  };
  const kept = graph.states.filter(isKept);
  for (const { after, when } of kept) {
    use(after, when);
    use(when, "many");
  }
  for (const id of graphResults({ ...graph, states: graph.states.filter((state) => !isKept(state)) })) use(id, "many");
  const found = new Set<GraphNode>();
  for (const node of [...graph.nodes].reverse()) {
    const [only, ...others] = new Set(node.outputs.flatMap((id) => uses.get(id) ?? []));
    const verdict = only === undefined || others.length > 0 ? "many" : only;
    if (verdict !== "many") found.add(node);
    for (const id of Object.values(node.inputs)) use(id, verdict);
  }
  return found;
}
