import { type Graph, type GraphNode, graphResults, type ValueId } from "../graph.js";
import type { HostTensor, TensorSpec } from "../host-tensor.js";
import { RANDOM_KERNELS, type RandomKernel } from "./kernels.js";
import { foldWords } from "./philox.js";
import type { Words } from "./philox-js.js";

/** Values of the program's inputs in one run, by the ids of `graph.inputs`. */
export type InputValues = ReadonlyMap<ValueId, HostTensor>;

/** A random value that the host computes before a run and feeds to the engine. */
export interface FedRandom extends TensorSpec {
  readonly kernel: string;
  /**
   * The value in one run.
   *
   * @param inputs Must hold the program's inputs that the key depends on: `$key`, and those folded into it.
   * @param out Where to write the elements; a new array when absent.
   */
  evaluate(inputs: InputValues, out?: HostTensor["data"]): HostTensor;
}

/** The split of a graph by {@link hostRandom}. */
export interface HostRandom {
  /** Values to feed instead of computing them, in execution order. */
  readonly fed: ReadonlyMap<ValueId, FedRandom>;
  /** The graph's nodes without those that `fed` replaces. */
  readonly remaining: readonly GraphNode[];
}

/** Reads a value of a run; defined for what the host knows: constants, int32 inputs and keys folded from them. */
type HostValue = (inputs: InputValues) => Words;

/**
 * Finds the random numbers of a graph that the host can draw: nodes whose key is a constant or an int32 input of the program (`$key`), folded
 * any number of times with constants and int32 inputs. An engine without Philox feeds them as extra inputs:
 * `inputs: [...graph.inputs, ...[...fed.keys()].map((value) => ({ name: "random", value }))], nodes: remaining`.
 * Random nodes whose key depends on other computed values (a step counter kept in the state) remain, but the host-known key they start from is fed.
 */
export function hostRandom(graph: Graph): HostRandom {
  const known = knownOnHost(graph);
  const replaced = new Map<ValueId, GraphNode>();
  for (const node of graph.nodes) {
    const inputs = Object.values(node.inputs);
    if (!RANDOM_KERNELS.has(node.kernel) || !inputs.every((id) => known.has(id))) continue;
    const output = node.outputs[0] as ValueId;
    replaced.set(output, node);
    if (node.kernel === "PhiloxFold") known.set(output, foldOnHost(node, known));
  }
  const remaining = graph.nodes.filter((node) => !replaced.has(node.outputs[0] as ValueId));
  const needed = new Set([...graphResults(graph), ...remaining.flatMap((node) => Object.values(node.inputs))]);
  const fed = new Map<ValueId, FedRandom>();
  for (const [id, node] of replaced) {
    if (needed.has(id)) fed.set(id, feed(node, graph.values[id] as TensorSpec, known));
  }
  return { fed, remaining };
}

function knownOnHost(graph: Graph): Map<ValueId, HostValue> {
  const isInt = (id: ValueId) => graph.values[id]?.dtype === "int32";
  const known = new Map<ValueId, HostValue>();
  for (const [id, data] of graph.constants) {
    if (isInt(id)) known.set(id, () => data);
  }
  for (const { name, value } of graph.inputs) {
    if (isInt(value)) known.set(value, (inputs) => inputOf(inputs, value, name));
  }
  return known;
}

function inputOf(inputs: InputValues, id: ValueId, name: string): Words {
  const value = inputs.get(id);
  if (value === undefined) throw new Error(`hostRandom: the value of input "${name}" is missing`);
  return value.data;
}

function foldOnHost(node: GraphNode, known: ReadonlyMap<ValueId, HostValue>): HostValue {
  const key = known.get(node.inputs.key as ValueId) as HostValue;
  const data = known.get(node.inputs.data as ValueId) as HostValue;
  return (inputs) => foldWords(key(inputs), data(inputs)[0] as number);
}

function feed(node: GraphNode, spec: TensorSpec, known: ReadonlyMap<ValueId, HostValue>): FedRandom {
  const kernel = RANDOM_KERNELS.get(node.kernel) as RandomKernel;
  const key = known.get(node.inputs.key as ValueId) as HostValue;
  const data = known.get(node.inputs.data as ValueId);
  const evaluate = (inputs: InputValues, out?: HostTensor["data"]): HostTensor => ({
    ...spec,
    data: kernel.evaluate(node.attrs, key(inputs), data?.(inputs)[0] ?? 0, out),
  });
  return { kernel: node.kernel, ...spec, evaluate };
}
