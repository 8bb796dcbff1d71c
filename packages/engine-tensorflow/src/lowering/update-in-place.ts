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
  const verdicts = verdictsOfNodes(graph);
  const early = graph.nodes.filter((node) => !verdicts.has(node));
  const deferred = graph.nodes.filter((node) => verdicts.has(node));
  const read = new Set(deferred.flatMap(({ inputs }) => Object.values(inputs)));
  const values = [...graph.values];
  const finished = new Map<ValueId, ValueId>();
  const stored = new Map<GraphState, ValueId>();
  const add = (like: ValueId) => values.push(values[like] as TensorSpec) - 1;
  const states = new Map(
    graph.states.flatMap((state) => (isKept(state) && read.has(state.after) ? [[state.after, state]] : [])),
  );
  const moved = deferred.flatMap((node) => {
    const inputs = Object.entries(node.inputs).map(([name, id]) => [name, finished.get(id) ?? id]);
    const choices = node.outputs.flatMap((id): GraphNode[] => {
      const state = states.get(id);
      if (state === undefined) return [];
      const [chosen, done] = [add(id), add(id)];
      stored.set(state, chosen);
      finished.set(id, done);
      const choice = { condition: state.when, t: id, e: state.before };
      return [
        { kernel: "Select", attrs: {}, inputs: choice, outputs: [chosen], site: node.site },
        { kernel: FINISHED, attrs: {}, inputs: { x: chosen }, outputs: [done], site: node.site },
      ];
    });
    return [{ ...node, inputs: Object.fromEntries(inputs) }, ...choices];
  });
  const next = graph.states.map((state) => {
    const { path, before } = state;
    const after = stored.get(state);
    return after === undefined || before === undefined ? state : { path, before, after };
  });
  return { ...graph, values, nodes: [...early, ...moved], states: next };
}

type KeptState = GraphState & Required<Pick<GraphState, "before" | "after" | "when">>;

/** Whether a state stays as it was when a verdict is false. */
function isKept(state: GraphState): state is KeptState {
  return state.before !== undefined && state.after !== undefined && state.when !== undefined;
}

/** The nodes whose every use ends in states that depend on one verdict, with that verdict. None of the others needs them. */
function verdictsOfNodes(graph: Graph): ReadonlyMap<GraphNode, ValueId> {
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
  const verdicts = new Map<GraphNode, ValueId>();
  for (const node of [...graph.nodes].reverse()) {
    const [only, ...others] = new Set(node.outputs.flatMap((id) => uses.get(id) ?? []));
    const verdict = only === undefined || others.length > 0 ? "many" : only;
    if (verdict !== "many") verdicts.set(node, verdict);
    for (const id of Object.values(node.inputs)) use(id, verdict);
  }
  return verdicts;
}
