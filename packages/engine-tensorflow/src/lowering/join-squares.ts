import type { Graph, GraphNode, TensorSpec, ValueId } from "@latentkit/jit";
import { countUses, producersOf } from "@latentkit/jit/lowering";

/** Ours, for XLA: the sum of the squares of all elements of a list of tensors, a scalar. */
export const SUM_OF_SQUARES = "SumOfSquares";

/**
 * Makes one node of `sum(a^2) + sum(b^2) + …`, the norm of all gradients: XLA compiles every term to two or three loops, most of them over
 * a few numbers.
 */
export function joinSquares(graph: Graph): Graph {
  const producers = producersOf(graph);
  const uses = countUses(graph);
  const specOf = (id: ValueId) => graph.values[id] as TensorSpec;
  /** What a scalar is the sum of the squares of. */
  const squared = (id: ValueId): ValueId | undefined => {
    const sum = producers.get(id);
    const square = sum?.kernel === "Sum" ? producers.get(sum.inputs.x as ValueId) : undefined;
    const x = square?.kernel === "Square" ? (square.inputs.x as ValueId) : undefined;
    return x !== undefined && specOf(x).dtype === "float32" ? x : undefined;
  };
  /** Whether it adds two scalars. */
  const isSum = (node: GraphNode | undefined) =>
    node?.kernel === "Add" && specOf(node.outputs[0] as ValueId).shape.length === 0;
  const addends = ({ inputs }: GraphNode) => [inputs.a, inputs.b] as ValueId[];
  /** Sums that are addends of another and that nothing else needs. */
  const inner = new Set(
    graph.nodes
      .filter(isSum)
      .flatMap(addends)
      .filter((id) => isSum(producers.get(id)) && uses.get(id) === 1),
  );
  const terms = (sum: GraphNode): ValueId[] =>
    addends(sum).flatMap((id) => (inner.has(id) ? terms(producers.get(id) as GraphNode) : [id]));
  const values = [...graph.values];
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    const [output] = node.outputs as [ValueId];
    if (!isSum(node) || inner.has(output)) return [node];
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
