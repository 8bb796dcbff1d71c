import { type Graph, type GraphNode, graphResults, sizeOf, type TensorSpec, type ValueId } from "@latentkit/jit";
import { producersOf, removeDeadCode } from "@latentkit/jit/lowering";

/** Attribute of a node that computes again what another computes: after how many convolutions. TensorFlow takes the two for different. */
export const AGAIN = "again";

/** Elements from which a value is worth computing again. */
const LARGE = 2 ** 12;
/** A tensor so many times smaller than another costs nothing to read beside it. */
const SMALLER = 8;

/** Operations on every element, which XLA computes inside the loop that reads them. */
const ELEMENTWISE = new Set(
  (
    "Abs Add BroadcastTo Cast ClipByValue Cos Elu Equal Erf Exp ExpandDims Expm1 Greater GreaterEqual IsFinite IsInf IsNan LeakyRelu Less " +
    "LessEqual Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum Multiply Neg NotEqual Pow Prelu RealDiv Reciprocal Relu Relu6 " +
    "Reshape Rsqrt Select Sigmoid Sign Sin Softplus Sqrt Square SquaredDifference Step Sub Tanh"
  ).split(" "),
);
/** Operations whose loops compute what they read, too. */
const REDUCTIONS = new Set(["Sum", "Mean", "Max", "Min"]);

/** A convolution, its gradients or a pooling: what lies between clusters. */
const isBetween = ({ kernel }: GraphNode): boolean => /Conv2d|Conv[23]D|Pool/.test(kernel);

const inputsOf = ({ inputs }: GraphNode): ValueId[] => Object.values(inputs);

/**
 * Computes values again where convolutions lie between them and a use, instead of keeping them: `f(x, small tensors)` from `x`.
 *
 * A gradient needs what was normalised, and the slope of each activation. XLA would write each of them in a loop of its own in the cluster
 * before the convolution, for the cluster that needs it much later. All follow from a tensor that is in memory anyway, a convolution's output,
 * and from sums over it. Values stay the same. Chen et al., 2016, §3 https://arxiv.org/abs/1604.06174
 */
export function computeAgain(graph: Graph): Graph {
  const pass = new Recomputation(graph);
  const nodes = graph.nodes.flatMap((node) => pass.rewritten(node));
  return removeDeadCode({ ...graph, values: pass.values, nodes });
}

class Recomputation {
  readonly values: TensorSpec[];
  readonly #producers: ReadonlyMap<ValueId, GraphNode>;
  /** Convolutions on the longest way to a value. */
  readonly #depths = new Map<ValueId, number>();
  /** The only large tensor that a value follows from, element by element; none for values that are in memory anyway. */
  readonly #sources = new Map<ValueId, ValueId>();
  /** By value and depth. */
  readonly #again = new Map<string, ValueId>();

  constructor(graph: Graph) {
    this.values = [...graph.values];
    this.#producers = producersOf(graph);
    const stored = storedValues(graph);
    for (const node of graph.nodes) {
      const depth = Math.max(0, ...inputsOf(node).map((id) => this.#depth(id))) + (isBetween(node) ? 1 : 0);
      for (const id of node.outputs) this.#depths.set(id, depth);
      const [output] = node.outputs as [ValueId];
      const source = stored.has(output) ? undefined : this.#sourceOf(node, output);
      if (source !== undefined) this.#sources.set(output, source);
    }
  }

  #depth(id: ValueId): number {
    return this.#depths.get(id) ?? 0;
  }

  #size(id: ValueId): number {
    return sizeOf((this.values[id] as TensorSpec).shape);
  }

  /** Whether a tensor counts beside one that follows from it. */
  #countsBeside(id: ValueId, other: ValueId): boolean {
    return this.#size(id) * SMALLER > this.#size(other);
  }

  #sourceOf(node: GraphNode, output: ValueId): ValueId | undefined {
    if (!ELEMENTWISE.has(node.kernel) || this.#size(output) < LARGE) return undefined;
    const large = inputsOf(node).filter((id) => this.#countsBeside(id, output));
    const sources = new Set(large.map((id) => this.#sources.get(id) ?? id));
    return sources.size === 1 ? [...sources][0] : undefined;
  }

  /** A node, behind those that compute again what it reads from before a convolution. */
  rewritten(node: GraphNode): GraphNode[] {
    const added: GraphNode[] = [];
    const depth = this.#depth(node.outputs[0] as ValueId);
    const inputs = mapped(node, (id) => this.#at(id, depth, added));
    return [...added, { ...node, inputs }];
  }

  /** A value as those at a depth read it. @param added Gets the nodes that compute it again. */
  #at(id: ValueId, depth: number, added: GraphNode[]): ValueId {
    if (!this.#sources.has(id) || this.#depth(id) >= depth) return id;
    const key = `${id} ${depth}`;
    const known = this.#again.get(key);
    if (known !== undefined) return known;
    const node = this.#producers.get(id) as GraphNode;
    const inputs = mapped(node, (input) => (this.#countsBeside(input, id) ? this.#at(input, depth, added) : input));
    const again = this.values.push(this.values[id] as TensorSpec) - 1;
    added.push({ ...node, attrs: { ...node.attrs, [AGAIN]: depth }, inputs, outputs: [again] });
    this.#again.set(key, again);
    return again;
  }
}

function mapped(node: GraphNode, f: (id: ValueId) => ValueId): GraphNode["inputs"] {
  return Object.fromEntries(Object.entries(node.inputs).map(([name, id]) => [name, f(id)]));
}

/** Values that are in memory whatever happens: results, and what anything but a loop over elements reads. */
function storedValues(graph: Graph): ReadonlySet<ValueId> {
  const readers = graph.nodes.filter(({ kernel }) => !ELEMENTWISE.has(kernel) && !REDUCTIONS.has(kernel));
  return new Set([...graphResults(graph), ...readers.flatMap(inputsOf)]);
}
