import { type Graph, type GraphNode, sizeOf, type TensorSpec, type ValueId } from "@latentkit/jit";
import { axesOf, range } from "@latentkit/jit/lowering";
import { Chain } from "./chain.js";

/** Elements from which a sum is worth a product, and how many of them it adds at least. */
const [LARGE, MANY] = [2 ** 16, 2 ** 5];

/**
 * Computes sums and means over the positions of large tensors `(B, ..., C)`, which normalisations and biases need, as products with ones.
 *
 * XLA on CPU computes a sum inside the loop of what it adds, one result after the other: it reads memory in strides, does not vectorise, and
 * what it adds is computed once more wherever else it is needed. The operands of a product are in memory. For clusters in float32; a product's
 * factors would be rounded in others. Values differ in their last bits.
 */
export function sumByProduct(graph: Graph): Graph {
  const values = [...graph.values];
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    if (!isOverPositions(node, values)) return [node];
    const chain = new Chain(values, node.site);
    const { x } = node.inputs as { x: ValueId };
    const [output] = node.outputs as [ValueId];
    const shape = chain.shapeOf(x);
    const [batch, channels] = [shape[0] as number, shape.at(-1) as number];
    const count = sizeOf(shape) / batch / channels;
    const weights = chain.add("Fill", {}, [batch, 1, count], {
      shape: [batch, 1, count],
      value: node.kernel === "Mean" ? 1 / count : 1,
      dtype: "float32",
    });
    const sums = chain.product(weights, chain.reshaped(x, [batch, count, channels]));
    const isWhole = sizeOf(chain.shapeOf(output)) === channels;
    const result = isWhole ? overRows(chain, node.kernel, chain.reshaped(sums, [batch, channels])) : sums;
    chain.reshaped(result, chain.shapeOf(output), output);
    return chain.nodes;
  });
  return { ...graph, values, nodes };
}

/** Whether it is a sum or mean over all axes but the last, and perhaps the first, of a large tensor. */
function isOverPositions({ kernel, attrs, inputs }: GraphNode, values: readonly TensorSpec[]): boolean {
  if ((kernel !== "Sum" && kernel !== "Mean") || inputs.x === undefined) return false;
  const { shape, dtype } = values[inputs.x] as TensorSpec;
  const inner = range(shape.length - 1);
  const axes = `${axesOf(attrs.axis as number[], shape.length)}`;
  const covers = shape.length > 2 && (axes === `${inner}` || axes === `${inner.slice(1)}`);
  return covers && dtype === "float32" && sizeOf(shape) >= LARGE && sizeOf(shape.slice(1, -1)) >= MANY;
}

/** @param x Shape `(B, C)`. @returns Shape `(C,)`. */
const overRows = (chain: Chain, kernel: string, x: ValueId): ValueId =>
  chain.add(kernel, { x }, chain.shapeOf(x).slice(1), { axis: [0], keepDims: false });
