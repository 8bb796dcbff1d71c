import type { DType, DTypeArrays, TensorSpec } from "./host-tensor.js";

/** Index of a value in {@link Graph.values}. */
export type ValueId = number;

/** Attributes of a kernel: plain data, as tfjs-core passes them. */
export type Attrs = Readonly<Record<string, unknown>>;

/** One recorded kernel call. Input names and attributes are those of tfjs-core's kernel of the same name. */
export interface GraphNode {
  readonly kernel: string;
  readonly attrs: Attrs;
  /** tfjs-core's named inputs; kernels with a list (`Concat`, `Pack`, `AddN`, `Einsum`) name them "0", "1", …  Absent optional inputs are left out. */
  readonly inputs: Readonly<Record<string, ValueId>>;
  readonly outputs: readonly ValueId[];
  /** The user's line that caused the call, `file:line:column`, or "" when unknown. */
  readonly site: string;
}

/** A tensor of the store that the program reads and may replace. */
export interface GraphState {
  readonly path: string;
  /** The value at the beginning of a run; absent when the program creates the path. */
  readonly before?: ValueId;
  /** The value at the end of a run; absent when the program only reads the path. */
  readonly after?: ValueId;
  /** A bool of one element: the path keeps `before` when it is false. Absent: true. Only engines with `conditionalStates` see it. */
  readonly when?: ValueId;
}

/** A named input or output of a program. */
export interface GraphPort {
  readonly name: string;
  readonly value: ValueId;
}

/** A whole program as data: what an engine compiles. Nodes are in execution order. */
export interface Graph {
  readonly values: readonly TensorSpec[];
  readonly constants: ReadonlyMap<ValueId, DTypeArrays[DType]>;
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly GraphPort[];
  readonly states: readonly GraphState[];
  readonly outputs: readonly GraphPort[];
}

/** The name of the input that carries a run's random key, `int32[2]`; present only in programs that use randomness. */
export const KEY_INPUT = "$key";

/** Every value that must exist when the run ends: outputs, new states and their conditions. */
export function graphResults(graph: Graph): ValueId[] {
  return [
    ...graph.outputs.map((port) => port.value),
    ...graph.states.flatMap(({ after, when }) => [after, when].filter((id) => id !== undefined)),
  ];
}

/** The node that computes each value; values that are given or constant have none. */
export function producersOf(graph: Graph): ReadonlyMap<ValueId, GraphNode> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
}

/** How often each value is used, by nodes and by the program's results. */
export function countUses(graph: Graph): ReadonlyMap<ValueId, number> {
  const uses = new Map<ValueId, number>();
  const ids = [...graph.nodes.flatMap(({ inputs }) => Object.values(inputs)), ...graphResults(graph)];
  for (const id of ids) uses.set(id, (uses.get(id) ?? 0) + 1);
  return uses;
}
