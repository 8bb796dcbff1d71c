import { UnsupportedKernelError } from "../errors.js";
import type { Graph, GraphNode, ValueId } from "../graph.js";
import { sameShape, type TensorSpec } from "../host-tensor.js";

/** What a lowering sees of one node of the graph. `V` is what the engine calls a value. */
export interface Call<V> {
  readonly node: GraphNode;
  /** A required input by tfjs-core's name. */
  readonly input: (name: string) => V;
  /** An input that may be absent. */
  readonly optional: (name: string) => V | undefined;
  /** Inputs of a kernel that takes a list, in order. */
  readonly list: () => V[];
  /** Shape and dtype of an output. */
  readonly out: (i?: number) => TensorSpec;
  /** An attribute as tfjs-core passes it. */
  readonly attr: <T>(name: string) => T;
  /** The error for a form of the kernel that cannot be lowered. */
  readonly unsupported: (detail: string) => UnsupportedKernelError;
}

/** Writes one kernel call in an engine's own operators and gives back its outputs, of the types that the graph says. */
export type Lowering<B, V> = (b: B, call: Call<V>) => V | readonly V[];

/** Declares how kernels become operators. @throws Error when one of them is declared already. */
export type Register<B, V> = (kernels: string | readonly string[], lowering: Lowering<B, V>) => void;

/** The lowerings of an engine by kernel. `B` is what it writes operators with. */
export interface Lowerings<B, V> {
  readonly register: Register<B, V>;
  /** The lowering of a node's kernel. @throws UnsupportedKernelError when there is none. */
  readonly of: (node: GraphNode) => Lowering<B, V>;
  /** Every kernel that has a lowering. */
  readonly kernels: () => ReadonlySet<string>;
}

/** An empty table of lowerings for the engine of the given name. */
export function createLowerings<B, V>(engine: string): Lowerings<B, V> {
  const table = new Map<string, Lowering<B, V>>();
  return {
    register(kernels, lowering) {
      for (const kernel of typeof kernels === "string" ? [kernels] : kernels) {
        if (table.has(kernel)) throw new Error(`lowering of kernel ${kernel} is registered twice`);
        table.set(kernel, lowering);
      }
    },
    of(node) {
      const lowering = table.get(node.kernel);
      if (lowering === undefined) throw new UnsupportedKernelError(engine, node.kernel, node.site);
      return lowering;
    },
    kernels: () => new Set(table.keys()),
  };
}

/** A node of a graph as lowerings see it. */
export function callOf<V>(engine: string, graph: Graph, node: GraphNode, lookUp: (id: ValueId) => V): Call<V> {
  const optional = (name: string) => {
    const id = node.inputs[name];
    return id === undefined ? undefined : lookUp(id);
  };
  const unsupported = (detail: string) => new UnsupportedKernelError(engine, node.kernel, node.site, detail);
  const input = (name: string) => {
    const value = optional(name);
    if (value === undefined) throw unsupported(`input ${name} is missing`);
    return value;
  };
  return {
    node,
    input,
    optional,
    unsupported,
    list: () =>
      Object.keys(node.inputs)
        .sort((a, b) => Number(a) - Number(b))
        .map(input),
    out: (i = 0) => graph.values[node.outputs[i] as ValueId] as TensorSpec,
    attr: <T>(name: string) => node.attrs[name] as T,
  };
}

/** @throws Error when a lowering gives another shape or dtype than the graph says. */
export function checkLowered(
  engine: string,
  node: GraphNode,
  { shape, type }: { readonly shape: readonly number[]; readonly type: string },
  spec: TensorSpec,
): void {
  if (type === spec.dtype && sameShape(shape, spec.shape)) return;
  throw new Error(
    `engine ${engine}: the lowering of ${node.kernel} gives ${type}[${shape}] for ${spec.dtype}[${spec.shape}]; called at ${node.site}`,
  );
}
