import type { Graph, GraphNode, ValueId } from "@latentkit/jit";
import { axesOf, countUses, producersOf } from "@latentkit/jit/lowering";
import { joinUpdates } from "./join-updates.js";

/**
 * Rewrites of the graph that ONNX or onnxruntime profits from: a bias joins the product before it, and `x > 0` looks at `relu(x)`, so that
 * the product, its bias and the relu are one operator; a sum of cross entropies needs few logarithms; small
 * parameters are updated together.
 */
export function fuse(graph: Graph): Graph {
  return joinUpdates(fuseBiases(compareAfterRelu(sumCrossEntropies(graph))));
}

const FUSED: Readonly<Record<string, string>> = { BatchMatMul: "_FusedMatMul", Conv2D: "FusedConv2D" };

/** `product + bias`, when nothing else uses the product. */
function fuseBiases(graph: Graph): Graph {
  const producers = producersOf(graph);
  const uses = countUses(graph);
  const fused = new Set<GraphNode>();
  const nodes = graph.nodes.map((node) => {
    const parts = node.kernel === "Add" ? biasedProduct(graph, node, producers, uses) : undefined;
    if (parts === undefined) return node;
    const { product, bias } = parts;
    fused.add(product);
    const attrs = { ...product.attrs, activation: "linear" };
    return {
      ...product,
      kernel: FUSED[product.kernel] as string,
      attrs,
      inputs: { ...product.inputs, bias },
      outputs: node.outputs,
    };
  });
  return { ...graph, nodes: nodes.filter((node) => !fused.has(node)) };
}

function biasedProduct(
  graph: Graph,
  add: GraphNode,
  producers: ReadonlyMap<ValueId, GraphNode>,
  uses: ReadonlyMap<ValueId, number>,
) {
  for (const [left, right] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    const id = add.inputs[left] as ValueId;
    const bias = add.inputs[right] as ValueId;
    const product = producers.get(id);
    if (product === undefined || FUSED[product.kernel] === undefined || uses.get(id) !== 1) continue;
    if (product.attrs.dataFormat === "NCHW") continue;
    const shape = graph.values[bias]?.shape;
    if (shape?.length === 1 && shape[0] === graph.values[id]?.shape.at(-1)) return { product, bias };
  }
  return undefined;
}

function compareAfterRelu(graph: Graph): Graph {
  const relus = new Map<ValueId, ValueId>();
  const nodes = graph.nodes.map((node) => {
    if (node.kernel === "Relu") relus.set(node.inputs.x as ValueId, node.outputs[0] as ValueId);
    const after =
      node.kernel === "Greater" && isZero(graph, node.inputs.b as ValueId)
        ? relus.get(node.inputs.a as ValueId)
        : undefined;
    return after === undefined ? node : { ...node, inputs: { ...node.inputs, a: after } };
  });
  return { ...graph, nodes };
}

function isZero(graph: Graph, id: ValueId): boolean {
  return graph.constants.get(id)?.every((value) => value === 0) ?? false;
}

/** A sum over the last axis, and perhaps others, of Bernoulli cross entropies that nothing else uses. */
export const CROSS_ENTROPY_SUM = "_SigmoidCrossEntropySum";

function sumCrossEntropies(graph: Graph): Graph {
  const producers = producersOf(graph);
  const uses = countUses(graph);
  const single = (id: ValueId | undefined) => (id !== undefined && uses.get(id) === 1 ? producers.get(id) : undefined);
  const nodes = graph.nodes.map((sum) => {
    if (sum.kernel !== "Sum" || !coversLastAxis(graph, sum)) return sum;
    const first = single(sum.inputs.x);
    const source = first?.kernel === "Neg" ? single(first.inputs.x) : first;
    if (source?.kernel !== "SigmoidCrossEntropy") return sum;
    const attrs = { ...sum.attrs, negative: first?.kernel === "Neg" };
    return { ...sum, kernel: CROSS_ENTROPY_SUM, inputs: source.inputs, attrs };
  });
  return { ...graph, nodes };
}

function coversLastAxis(graph: Graph, sum: GraphNode): boolean {
  const rank = graph.values[sum.inputs.x as ValueId]?.shape.length ?? 0;
  return rank > 0 && axesOf(sum.attrs.axis as number | number[] | undefined, rank).includes(rank - 1);
}
