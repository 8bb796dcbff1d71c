import type { Graph, GraphNode, ValueId } from "../graph.js";
import { type DType, hostTensor, sizeOf, type TensorSpec } from "../host-tensor.js";
import { runNode } from "../run-node.js";
import { rewire } from "./rewrite.js";

/** Kernels whose output elements all equal `f(a, b)` when their inputs are uniform. */
const ELEMENTWISE = new Set(
  "Abs Add Sub Multiply RealDiv Maximum Minimum Pow Neg Square Sqrt Rsqrt Exp Log Cast Reciprocal Sigmoid Tanh Step Sign".split(
    " ",
  ),
);
/** Kernels that move or repeat elements. */
const MOVES = new Set(
  "Reshape ExpandDims Tile BroadcastTo Transpose Slice StridedSlice Reverse ZerosLike OnesLike".split(" "),
);
const BINARY = new Set("Add Sub Multiply RealDiv Maximum Minimum Pow".split(" "));

/**
 * Gradients of sums and means multiply by tensors full of one number. This pass knows such values, computes with one element of them, hands
 * them on as scalars and drops what changes nothing: `x * 1`, `x / 1`, `x + 0`, `x - 0`.
 */
export function simplifyUniformValues(graph: Graph): Graph {
  const values = [...graph.values];
  const constants = new Map(graph.constants);
  const uniform = new Map<ValueId, number>();
  for (const [id, data] of constants) {
    const first = data[0];
    if (first !== undefined && data.every((v) => v === first)) uniform.set(id, first);
  }
  const scalars = new Map<string, ValueId>();
  const scalar = (value: number, dtype: DType): ValueId => {
    const name = `${dtype} ${Object.is(value, -0) ? "-0" : value}`;
    const known = scalars.get(name);
    if (known !== undefined) return known;
    const id = values.push({ shape: [], dtype }) - 1;
    constants.set(id, hostTensor([value], [], dtype).data);
    scalars.set(name, id);
    return id;
  };
  const alias = new Map<ValueId, ValueId>();
  const nodes: GraphNode[] = [];
  for (const original of graph.nodes) {
    const node = { ...original, inputs: mapInputs(original, (id) => alias.get(id) ?? id) };
    const [output] = node.outputs as [ValueId];
    const spec = values[output] as TensorSpec;
    const value = uniformResult(node, values, uniform);
    if (value !== undefined) {
      uniform.set(output, value);
      nodes.push(fill(node, spec, value));
      continue;
    }
    const same = unchangedInput(node, values, uniform, spec);
    if (same !== undefined) {
      alias.set(output, same);
      continue;
    }
    nodes.push(
      BINARY.has(node.kernel) ? { ...node, inputs: scalarOperands(node, values, uniform, spec, scalar) } : node,
    );
  }
  return rewire({ ...graph, values, constants }, nodes, (id) => alias.get(id) ?? id);
}

function mapInputs(node: GraphNode, f: (id: ValueId) => ValueId): GraphNode["inputs"] {
  return Object.fromEntries(Object.entries(node.inputs).map(([name, id]) => [name, f(id)]));
}

function fill(node: GraphNode, { shape, dtype }: TensorSpec, value: number): GraphNode {
  return {
    kernel: "Fill",
    attrs: { shape: [...shape], value, dtype },
    inputs: {},
    outputs: node.outputs,
    site: node.site,
  };
}

/** The number that every element of the node's output is, when that is known. */
function uniformResult(
  node: GraphNode,
  values: readonly TensorSpec[],
  uniform: ReadonlyMap<ValueId, number>,
): number | undefined {
  if (node.kernel === "Fill") return typeof node.attrs.value === "number" ? node.attrs.value : undefined;
  if (node.kernel === "ZerosLike") return 0;
  if (node.kernel === "OnesLike") return 1;
  const ids = Object.values(node.inputs);
  const given = ids.map((id) => uniform.get(id));
  if (ids.length === 0 || given.some((v) => v === undefined)) return undefined;
  if (MOVES.has(node.kernel)) return given[0];
  if (!ELEMENTWISE.has(node.kernel)) return undefined;
  const [result] = runNode(node, (id) => hostTensor([uniform.get(id) as number], [], (values[id] as TensorSpec).dtype));
  return result?.data[0];
}

/** The input that the node passes on unchanged. */
function unchangedInput(
  { kernel, inputs }: GraphNode,
  values: readonly TensorSpec[],
  uniform: ReadonlyMap<ValueId, number>,
  out: TensorSpec,
): ValueId | undefined {
  const { a, b } = inputs;
  if (a === undefined || b === undefined || !BINARY.has(kernel)) return undefined;
  const fits = (id: ValueId) => sameAs(values[id] as TensorSpec, out);
  const neutral = { Multiply: 1, RealDiv: 1, Add: 0, Sub: 0, Pow: 1 }[kernel];
  if (neutral === undefined) return undefined;
  if (fits(a) && uniform.get(b) === neutral) return a;
  const commutes = kernel === "Multiply" || kernel === "Add";
  return commutes && fits(b) && uniform.get(a) === neutral ? b : undefined;
}

const sameAs = (a: TensorSpec, b: TensorSpec): boolean => a.dtype === b.dtype && a.shape.join() === b.shape.join();

/** Uniform operands as scalars, where the other operand alone gives the output its shape. */
function scalarOperands(
  { inputs }: GraphNode,
  values: readonly TensorSpec[],
  uniform: ReadonlyMap<ValueId, number>,
  out: TensorSpec,
  scalar: (value: number, dtype: DType) => ValueId,
): GraphNode["inputs"] {
  const { a, b } = inputs as { a: ValueId; b: ValueId };
  const shrink = (id: ValueId, other: ValueId): ValueId => {
    const { shape, dtype } = values[id] as TensorSpec;
    const value = uniform.get(id);
    const carriesShape = (values[other] as TensorSpec).shape.join() !== out.shape.join();
    return value === undefined || carriesShape || (shape.length === 0 && sizeOf(shape) === 1)
      ? id
      : scalar(value, dtype);
  };
  return { a: shrink(a, b), b: shrink(b, a) };
}
