import type { Graph, GraphNode, TensorSpec, ValueId } from "@latentkit/jit";
import { callOf, checkLowered, product } from "@latentkit/jit/lowering";
import type { OnnxGraph, OnnxValue } from "../proto.js";
import { OnnxBuilder } from "./builder.js";
import { cancelTransposes } from "./cancel-transposes.js";
import { removeDeadNodes, renameValues } from "./cleanup.js";
import { fuse } from "./fuse.js";
import { loweringOf } from "./registry.js";

/** A named tensor of an ONNX graph. */
export interface Port {
  readonly name: string;
  readonly spec: TensorSpec;
}

/** How a path of the store meets the ONNX graph. */
export interface LoweredState {
  readonly path: string;
  readonly spec: TensorSpec;
  /** The graph's inputs that take the value at the beginning of a run: the same elements, perhaps in several shapes. None: it is not read. */
  readonly before: readonly OnnxValue[];
  /** The output that holds the value at its end, likewise. */
  readonly after?: OnnxValue;
  /** The output, a bool of one element, that says whether `after` is to be kept. */
  readonly when?: string;
}

/** A program as ONNX. */
export interface LoweredGraph {
  readonly onnx: OnnxGraph;
  /** The inputs that the ONNX graph uses, with their positions in `graph.inputs`. */
  readonly inputs: readonly (Port & { readonly position: number })[];
  /** Values computed by the host, in the order they were given. */
  readonly fed: readonly (Port & { readonly value: ValueId })[];
  readonly states: readonly LoweredState[];
  /** In the order of `graph.outputs`. */
  readonly outputs: readonly Port[];
}

/**
 * Writes a graph as ONNX.
 *
 * @param fed Values that the host feeds instead of computing them.
 * @param portable Whether to keep to operators of the ONNX standard.
 * @throws UnsupportedKernelError for a kernel, or a form of one, that has no ONNX counterpart.
 */
export function lowerGraph(
  graph: Graph,
  fed: ReadonlyMap<ValueId, TensorSpec> = new Map(),
  portable = false,
): LoweredGraph {
  const fused = fuse(graph);
  const lowerer = new Lowerer(fused, portable);
  graph.inputs.forEach(({ name, value }) => {
    lowerer.addInput(value, `in.${name}`);
  });
  const flat = flatStates(graph);
  for (const { path, before } of graph.states) {
    if (before !== undefined) lowerer.addInput(before, `state.${path}`);
    if (before !== undefined && flat.has(before)) lowerer.addRow(before, `row.${path}`);
  }
  for (const value of fed.keys()) lowerer.addInput(value, `random.${value}`);
  for (const node of fused.nodes) lowerer.lowerNode(node);
  return lowerer.finish(fed);
}

/** States that an optimizer updates as one long row: they enter as one too, for a reshaped input would be copied. */
function flatStates(graph: Graph): ReadonlySet<ValueId> {
  const updates = graph.nodes.filter(({ kernel }) => kernel === "AdamUpdate");
  return new Set(updates.flatMap(({ inputs }) => [inputs.param, inputs.m, inputs.v].filter((id) => id !== undefined)));
}

/** One graph on its way to ONNX. */
class Lowerer {
  readonly #builder: OnnxBuilder;
  readonly #values = new Map<ValueId, OnnxValue>();
  readonly #inputs = new Map<string, OnnxValue>();
  readonly #results = new Map<string, { value: OnnxValue; name: string }>();

  constructor(
    readonly graph: Graph,
    portable: boolean,
  ) {
    this.#builder = new OnnxBuilder(portable);
  }

  addInput(id: ValueId, name: string): OnnxValue {
    const { shape, dtype } = this.#spec(id);
    const value = { name, shape, type: dtype };
    this.#inputs.set(name, value);
    this.#values.set(id, value);
    return value;
  }

  /** Lets the elements of a state enter as one row too. */
  addRow(id: ValueId, name: string): void {
    const { shape, dtype } = this.#spec(id);
    const row = { name, shape: [1, product(shape)], type: dtype };
    this.#inputs.set(name, row);
    this.#builder.declareSame(this.#value(id), row);
  }

  lowerNode(node: GraphNode): void {
    this.#builder.label = `${node.kernel} @ ${node.site}`;
    const result = loweringOf(node)(
      this.#builder,
      callOf("onnx", this.graph, node, (id) => this.#value(id)),
    );
    const outputs = Array.isArray(result) ? (result as OnnxValue[]) : [result as OnnxValue];
    node.outputs.forEach((id, i) => {
      const value = outputs[i] as OnnxValue;
      checkLowered("onnx", node, value, this.#spec(id));
      this.#values.set(id, value);
    });
  }

  finish(fed: ReadonlyMap<ValueId, TensorSpec>): LoweredGraph {
    const { graph } = this;
    this.#builder.label = "result";
    const outputs = graph.outputs.map(({ name, value }) => ({
      ...this.#result(value, `out.${name}`),
      spec: this.#spec(value),
    }));
    const states = graph.states.map((state) => this.#state(state));
    const all = [...this.#results.values()];
    const pruned = removeDeadNodes(
      cancelTransposes(
        this.#builder.finish(
          [...this.#inputs.values()],
          all.map(({ value }) => value),
        ),
      ),
    );
    const used = new Set(pruned.inputs.map(({ name }) => name));
    const renamed = new Map(all.map(({ value, name }) => [value.name, name]));
    return {
      onnx: renameValues(pruned, renamed),
      inputs: graph.inputs.flatMap(({ name, value }, position) =>
        used.has(`in.${name}`) ? [{ name: `in.${name}`, spec: this.#spec(value), position }] : [],
      ),
      fed: [...fed].flatMap(([value, spec]) =>
        used.has(`random.${value}`) ? [{ name: `random.${value}`, spec, value }] : [],
      ),
      states: states.map((state) => ({ ...state, before: state.before.filter(({ name }) => used.has(name)) })),
      outputs,
    };
  }

  #state({ path, before, after, when }: Graph["states"][number]): LoweredState {
    return {
      path,
      spec: this.#spec((before ?? after) as ValueId),
      before: before === undefined ? [] : ["state", "row"].flatMap((kind) => this.#inputs.get(`${kind}.${path}`) ?? []),
      ...(after === undefined ? {} : { after: this.#result(after, `next.${path}`, true) }),
      ...(when === undefined ? {} : { when: this.#shared(when) }),
    };
  }

  /**
   * An output of the ONNX graph that nothing else writes to; inputs, constants and other results are copied.
   *
   * @param anyShape Whether the same elements in another shape will do.
   */
  #result(id: ValueId, name: string, anyShape = false): OnnxValue {
    const own = this.#value(id);
    const unshaped = this.#builder.unshaped(own);
    let value = anyShape && this.#isFree(unshaped) ? unshaped : own;
    if (!this.#isFree(value)) value = this.#builder.unary("Identity", value);
    this.#results.set(value.name, { value, name });
    return { ...value, name };
  }

  #isFree({ name }: OnnxValue): boolean {
    return !this.#inputs.has(name) && !this.#builder.constants.has(name) && !this.#results.has(name);
  }

  /** An output that is only looked at, so that several uses may share it. */
  #shared(id: ValueId): string {
    return this.#results.get(this.#value(id).name)?.name ?? this.#result(id, `when.${id}`).name;
  }

  #value(id: ValueId): OnnxValue {
    const known = this.#values.get(id);
    if (known !== undefined) return known;
    const data = this.graph.constants.get(id);
    if (data === undefined) throw new Error(`engine onnx: value ${id} of the graph is neither computed nor given`);
    const { shape, dtype } = this.#spec(id);
    const value = this.#builder.constant(data, shape, dtype);
    this.#values.set(id, value);
    return value;
  }

  #spec(id: ValueId): TensorSpec {
    return this.graph.values[id] as TensorSpec;
  }
}
