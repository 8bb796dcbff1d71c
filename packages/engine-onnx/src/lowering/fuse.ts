import type { Graph, GraphNode, ValueId } from "@latentkit/jit";

/**
 * Rewrites of the graph that ONNX or onnxruntime profits from: a bias joins the product before it, and `x > 0` looks at `relu(x)`, so that
 * the product, its bias and the relu are one operator.
 */
export function fuse(graph: Graph): Graph {
  return fuseBiases(compareAfterRelu(graph));
}

function producersOf(graph: Graph): ReadonlyMap<ValueId, GraphNode> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
}

/** How often each value is used, by nodes and by the program's results. */
function countUses(graph: Graph): ReadonlyMap<ValueId, number> {
  const uses = new Map<ValueId, number>();
  const use = (id: ValueId | undefined) => {
    if (id !== undefined) uses.set(id, (uses.get(id) ?? 0) + 1);
  };
  for (const node of graph.nodes) Object.values(node.inputs).forEach(use);
  for (const { value } of graph.outputs) use(value);
  for (const { after, when } of graph.states) [after, when].forEach(use);
  return uses;
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
