import { type Graph, type GraphNode, sizeOf, type TensorSpec, type ValueId } from "@latentkit/jit";
import { Chain } from "./chain.js";
import { FINISHED } from "./update-in-place.js";

const SWAPPED = [1, 0] as const;

/** Floats of a row, and of all rows, up to which transposing costs less than it saves: reads stay in the caches of a core. */
const [MAX_ROW, MAX_ELEMENTS] = [2 ** 8, 2 ** 18];

/**
 * Transposes a factor of `a^T b`, the gradient of weights, before the product: the one that leaves less to move.
 *
 * XLA's kernel for products reads the left factor along its rows only. It leaves `a^T b` to Eigen, which gathers `a` element by element.
 */
export function transposeFirst(graph: Graph): Graph {
  const values = [...graph.values];
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    if (!isWeightGradient(node, values)) return [node];
    const { a, b } = node.inputs as { a: ValueId; b: ValueId };
    const [rows, m] = matrix(values[a] as TensorSpec);
    const [, n] = matrix(values[b] as TensorSpec);
    const left = moved(m, rows * m);
    const right = moved(n, rows * n + n * m); // its result is transposed too
    if (Math.min(left, right) === Infinity) return [node];
    const chain = new Chain(values, node.site);
    const [output] = node.outputs as [ValueId];
    if (left <= right) chain.product(finished(chain, chain.transposed(a, SWAPPED)), b, output);
    else {
      const swapped = chain.product(finished(chain, chain.transposed(b, SWAPPED)), a);
      chain.transposed(finished(chain, swapped), SWAPPED, output);
    }
    return chain.nodes;
  });
  return { ...graph, values, nodes };
}

const matrix = ({ shape }: TensorSpec) => shape as readonly [rows: number, columns: number];

/** What it costs to transpose rows of so many floats. */
const moved = (row: number, elements: number) => (row > MAX_ROW || elements > MAX_ELEMENTS ? Infinity : elements);

/** Whether it is `a^T b` of two matrices, neither of them a single column. */
function isWeightGradient({ kernel, attrs, inputs }: GraphNode, values: readonly TensorSpec[]): boolean {
  if (kernel !== "BatchMatMul" || !attrs.transposeA || attrs.transposeB) return false;
  return Object.values(inputs).every((id) => {
    const { shape, dtype } = values[id] as TensorSpec;
    return shape.length === 2 && dtype === "float32" && (shape[1] as number) > 1 && sizeOf(shape) > 0;
  });
}

/** XLA undoes a transposition that it sees next to a product. */
const finished = (chain: Chain, x: ValueId): ValueId => chain.add(FINISHED, { x }, chain.shapeOf(x));
