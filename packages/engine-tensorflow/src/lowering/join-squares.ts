import { type Graph, type GraphNode, graphResults, sizeOf, type TensorSpec, type ValueId } from "@latentkit/jit";

/** Ours, for XLA: the sum of the squares of all elements of a list of tensors, a scalar. */
export const SUM_OF_SQUARES = "SumOfSquares";

/**
 * Makes one node of `sum(a^2) + sum(b^2) + …`, the norm of all gradients: XLA compiles every term to two or three loops, most of them over
 * a few numbers.
 */
export function joinSquares(graph: Graph): Graph {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
  const uses = countUses(graph);
  const specOf = (id: ValueId) => graph.values[id] as TensorSpec;
  const squared = (id: ValueId): ValueId | undefined => {
    const sum = producers.get(id);
    const square =
      sum?.kernel === "Sum" && sizeOf(specOf(id).shape) === 1 ? producers.get(sum.inputs.x as ValueId) : undefined;
    const x = square?.kernel === "Square" ? (square.inputs.x as ValueId) : undefined;
    return x !== undefined && specOf(x).dtype === "float32" ? x : undefined;
  };
  const isSum = (node: GraphNode | undefined) =>
    node?.kernel === "Add" && specOf(node.outputs[0] as ValueId).shape.length === 0;
  /** What a sum of scalars adds, sums inside it that nothing else needs taken apart. */
  const terms = (node: GraphNode): ValueId[] =>
    [node.inputs.a, node.inputs.b].flatMap((id) => {
      const inner = producers.get(id as ValueId);
      return isSum(inner) && uses.get(id as ValueId) === 1 ? terms(inner as GraphNode) : [id as ValueId];
    });
  const inner = new Set(
    graph.nodes
      .filter(isSum)
      .flatMap(({ inputs }) => [inputs.a, inputs.b].filter((id) => uses.get(id as ValueId) === 1)),
  );
  const values = [...graph.values];
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    const [output] = node.outputs as [ValueId];
    if (!isSum(node) || (inner.has(output) && isSum(producers.get(output)))) return [node];
    const all = terms(node);
    const operands = all.flatMap((id) => squared(id) ?? []);
    if (operands.length < 2) return [node];
    const others = all.filter((id) => squared(id) === undefined);
    const { site } = node;
    const ids = [...others.map(() => values.push(specOf(output)) - 1), output];
    const joined = {
      kernel: SUM_OF_SQUARES,
      attrs: {},
      inputs: Object.fromEntries(operands.entries()),
      outputs: [ids[0] as ValueId],
      site,
    };
    const added = others.map((b, i) => ({
      kernel: "Add",
      attrs: {},
      inputs: { a: ids[i] as ValueId, b },
      outputs: [ids[i + 1] as ValueId],
      site,
    }));
    return [joined, ...added];
  });
  return { ...graph, values, nodes };
}

function countUses(graph: Graph): ReadonlyMap<ValueId, number> {
  const uses = new Map<ValueId, number>();
  const ids = [...graph.nodes.flatMap(({ inputs }) => Object.values(inputs)), ...graphResults(graph)];
  for (const id of ids) uses.set(id, (uses.get(id) ?? 0) + 1);
  return uses;
}
