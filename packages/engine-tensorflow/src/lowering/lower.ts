import {
  type Graph,
  type GraphNode,
  type GraphState,
  type TensorSpec,
  UnsupportedKernelError,
  type ValueId,
} from "@latentkit/jit";
import { callOf, checkLowered, countUses, inlineComposites } from "@latentkit/jit/lowering";
import { type Pointer, type TensorFlow, TensorFlowError } from "../native/tensorflow.js";
import { GraphBuilder, type Precision, type TfValue, type Unclustered } from "./builder.js";
import { AGAIN, computeAgain } from "./compute-again.js";
import { joinSquares } from "./join-squares.js";
import { type JoinedGraph, joinUpdates, type StatePart } from "./join-updates.js";
import { mergeUpsampling } from "./merge-upsampling.js";
import { multiplyFirst } from "./multiply-first.js";
import { loweringOf } from "./registry.js";
import { sumByProduct } from "./sum-by-product.js";
import { transposeFirst } from "./transpose-first.js";
import { updateInPlace } from "./update-in-place.js";

/**
 * How TensorFlow executes a program: `xla` compiles all of it into one function; `clusters` compiles what lies between convolutions and
 * leaves those to oneDNN; `graph` executes operation by operation.
 */
export type Lowering = "xla" | "clusters" | "graph";

/** All of them. */
export const LOWERINGS: readonly Lowering[] = ["xla", "clusters", "graph"];

/** What oneDNN computes faster than XLA on CPU, and what is not computation. */
const UNCLUSTERED: ReadonlySet<string> = new Set([
  "Conv2D",
  "Conv2DBackpropInput",
  "Conv2DBackpropFilter",
  "Conv3D",
  "Conv3DBackpropInputV2",
  "Conv3DBackpropFilterV2",
  "DepthwiseConv2dNative",
  "DepthwiseConv2dNativeBackpropInput",
  "DepthwiseConv2dNativeBackpropFilter",
  "MaxPool",
  "MaxPoolGrad",
  "MaxPool3D",
  "MaxPool3DGrad",
  "Placeholder",
  "ReadVariableOp",
  "AssignVariableOp",
  "DeepCopy",
  "NoOp",
]);

/** In bf16 matrix products are oneDNN's too: XLA computes them in float32 on CPU. */
const UNCLUSTERED_BF16: Unclustered = new Set([...UNCLUSTERED, "MatMul", "BatchMatMulV2", "Einsum"]);

/** Kernels whose results are new, never a view of something else. */
const ARITHMETIC: ReadonlySet<string> = new Set(["Add", "Sub", "Multiply", "RealDiv"]);

/** A program as a TensorFlow function: its arguments are the variables of `states`, then the program's inputs, then `fed`. */
export interface LoweredGraph {
  /** `TF_Function`, owned by the caller. */
  readonly definition: Pointer;
  readonly states: readonly LoweredState[];
  /** What each operation was written for: operation `n12_MatMul` for the kernel and line at 12. */
  readonly sites: readonly string[];
}

/** A variable of a program. */
export interface LoweredState {
  /** What it holds, one behind the other: one of the program's states, or several that are updated alike. */
  readonly parts: readonly StatePart[];
  /** Whether the program makes it. */
  readonly created: boolean;
}

/** What a graph is lowered with. */
export interface LowerOptions {
  readonly name: string;
  readonly lowering: Lowering;
  readonly precision: Precision;
  /** Whether the CPU executes it. */
  readonly onCpu: boolean;
  /** What other programs on the store keep in one variable. */
  readonly joints: readonly (readonly StatePart[])[];
  /** Values that the host feeds instead of computing them. */
  readonly fed: ReadonlyMap<ValueId, TensorSpec>;
}

/**
 * Writes a graph as a TensorFlow function.
 *
 * @throws UnsupportedKernelError for a kernel, or a form of one, that has no counterpart.
 */
export function lowerGraph(tf: TensorFlow, graph: Graph, options: LowerOptions): LoweredGraph {
  const { lowering, precision } = options;
  const outside = precision === "bf16" ? UNCLUSTERED_BF16 : UNCLUSTERED;
  const unclustered = lowering === "clusters" ? outside : "all";
  const builder = new GraphBuilder(tf, unclustered, precision, lowering === "xla");
  try {
    return new Lowerer(builder, arranged(graph, options)).lower(options);
  } finally {
    builder.delete();
  }
}

/**
 * A graph in the form that suits how it is executed. TensorFlow itself has none of the composites. In clusters, joined updates cost more than they
 * save: their vectors cross from cluster to cluster.
 */
function arranged(graph: Graph, options: LowerOptions): JoinedGraph {
  const { lowering, onCpu, joints } = options;
  if (lowering !== "xla") {
    const merged = mergeUpsampling(inlineComposites(graph, new Set()));
    return apart(lowering === "graph" ? merged : betweenConvolutions(merged, options));
  }
  const joined = joinUpdates(joinSquares(graph), joints);
  const updated = updateInPlace(joined.graph);
  return { ...joined, graph: onCpu ? transposeFirst(updated) : updated };
}

const apart = (graph: Graph): JoinedGraph => ({ graph, members: new Map() });

/** A graph in clusters; on CPU with what XLA and oneDNN are fast at there. In bf16 a product rounds what a sum does not. */
function betweenConvolutions(graph: Graph, { onCpu, precision }: LowerOptions): Graph {
  const products = onCpu ? multiplyFirst(graph) : graph;
  return computeAgain(onCpu && precision === "float32" ? sumByProduct(products) : products);
}

/** One graph on its way to TensorFlow. */
class Lowerer {
  readonly #values = new Map<ValueId, TfValue>();
  private readonly graph: Graph;
  readonly #arguments: TfValue[] = [];
  readonly #uses: ReadonlyMap<ValueId, number>;
  readonly #arithmetic: ReadonlySet<ValueId>;

  constructor(
    private readonly b: GraphBuilder,
    private readonly joined: JoinedGraph,
  ) {
    this.graph = joined.graph;
    this.#uses = countUses(this.graph);
    const arithmetic = this.graph.nodes.filter(({ kernel }) => ARITHMETIC.has(kernel));
    this.#arithmetic = new Set(arithmetic.flatMap(({ outputs }) => outputs));
  }

  lower({ name, fed }: LowerOptions): LoweredGraph {
    const { b, graph } = this;
    const variables = graph.states.map(() => this.#argument([], "resource"));
    const reads = graph.states.map(({ before }, i) =>
      before === undefined ? undefined : this.#read(variables[i] as TfValue, before),
    );
    for (const { value } of graph.inputs)
      this.#values.set(value, this.#argument(this.#spec(value).shape, this.#spec(value).dtype));
    for (const [value, { shape, dtype }] of fed) this.#values.set(value, this.#argument(shape, dtype));
    for (const node of graph.nodes) this.#lowerNode(node);
    b.label = "result";
    b.again = undefined;
    const assignments = this.#assign(variables, reads);
    const outputs = graph.outputs.map(({ value }) => b.unary("Identity", this.#value(value)));
    const definition = b.toFunction(name, this.#arguments, outputs, assignments);
    const states = graph.states.map(({ path, before, after }) => ({
      parts: this.joined.members.get(path) ?? [{ path, spec: this.#spec((before ?? after) as ValueId) }],
      created: before === undefined,
    }));
    return { definition, states, sites: b.sites };
  }

  #argument(shape: readonly number[], type: TfValue["type"]): TfValue {
    const value = this.b.argument(shape, type);
    this.#arguments.push(value);
    return value;
  }

  #read(variable: TfValue, before: ValueId): TfValue {
    const { shape, dtype } = this.#spec(before);
    const value = this.b.op("ReadVariableOp", [variable], shape, dtype, { dtype: { type: dtype } });
    this.#values.set(before, value);
    return value;
  }

  /** Variables change when every new value is known: a run that fails leaves all of them as they were. */
  #assign(variables: readonly TfValue[], reads: readonly (TfValue | undefined)[]): Pointer[] {
    const { b, graph } = this;
    const next = graph.states.map(({ after, when, before }) => {
      if (after === undefined) return undefined;
      const value = this.#value(after);
      if (when === undefined || before === undefined) return value;
      return b.where(b.reshape(this.#value(when), []), value, this.#value(before));
    });
    const all = [...next, ...reads, ...graph.outputs.map(({ value }) => this.#value(value))];
    const known = new Set(all.flatMap((value) => (value === undefined ? [] : [value.oper])));
    const ready = b.operation("NoOp", [], {}, [...known]);
    return next.flatMap((value, i) => {
      if (value === undefined) return [];
      const { after } = graph.states[i] as GraphState;
      const inputs = [variables[i] as TfValue, reads[i] === undefined ? this.#own(value, after as ValueId) : value];
      return [b.operation("AssignVariableOp", inputs, { dtype: { type: value.type } }, [ready])];
    });
  }

  /**
   * A value in memory of its own: equal zeros of new variables would share theirs, and then not be updated in place. What XLA puts out is its
   * own, and so is what arithmetic computes for nothing else.
   */
  #own(value: TfValue, id: ValueId): TfValue {
    const isOwn = this.#arithmetic.has(id) && this.#uses.get(id) === 1;
    return this.b.compiled || isOwn ? value : this.b.unary("DeepCopy", value);
  }

  #lowerNode(node: GraphNode): void {
    const { b } = this;
    b.label = `${node.kernel} ${node.site}`;
    b.again = node.attrs[AGAIN] as number | undefined;
    const result = this.#operations(node);
    const outputs = Array.isArray(result) ? (result as TfValue[]) : [result as TfValue];
    node.outputs.forEach((id, i) => {
      const value = outputs[i] as TfValue;
      checkLowered("tensorflow", node, value, this.#spec(id));
      this.#values.set(id, value);
    });
  }

  /** @throws UnsupportedKernelError also for an operation that this library does not have, or not for these types. */
  #operations(node: GraphNode): TfValue | readonly TfValue[] {
    const lowering = loweringOf(node);
    try {
      return lowering(
        this.b,
        callOf("tensorflow", this.graph, node, (id) => this.#value(id)),
      );
    } catch (error) {
      if (!(error instanceof TensorFlowError)) throw error;
      const [reason] = error.message.split("\n") as [string];
      const detail = `TensorFlow ${this.b.tf.version}: ${reason}`;
      throw new UnsupportedKernelError("tensorflow", node.kernel, node.site, detail);
    }
  }

  #value(id: ValueId): TfValue {
    const known = this.#values.get(id);
    if (known !== undefined) return known;
    const data = this.graph.constants.get(id);
    if (data === undefined)
      throw new Error(`engine tensorflow: value ${id} of the graph is neither computed nor given`);
    const { shape, dtype } = this.#spec(id);
    const value = this.b.constant(data, shape, dtype);
    this.#values.set(id, value);
    return value;
  }

  #spec(id: ValueId): TensorSpec {
    return this.graph.values[id] as TensorSpec;
  }
}
