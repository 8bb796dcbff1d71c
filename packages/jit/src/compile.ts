import type { Tensor } from "@tensorflow/tfjs-core";
import type { Engine, Executable, Store } from "./engine.js";
import { type Graph, type GraphPort, type GraphState, KEY_INPUT } from "./graph.js";
import { formatSpec, type HostTensor, hostTensor, sameSpec, type TensorSpec } from "./host-tensor.js";
import { optimize } from "./passes/index.js";
import type { Key } from "./random/key.js";
import { keyWords } from "./random/philox.js";
import { Recorder, recordedValue, symbolicTensor, toGraph, withRecorder } from "./trace.js";
import { flatten, forEachLeaf, mapTree, type Tree } from "./tree.js";

/** What a program's function gives back. State paths left out, or returned as they came, stay as they are. */
export interface ProgramResult {
  readonly state?: Tree<Tensor>;
  readonly outputs?: Tree<Tensor>;
}

/** A step of a program: pure, traced once. `state` and `inputs` are trees of tensors shaped like the specs. */
export type ProgramFunction = (state: any, inputs: any, key: Key) => ProgramResult;

/** Shapes a program is compiled for. */
export interface ProgramSpecs {
  /** State by path in the store; what is missing there must be created by an earlier program or `write`. */
  readonly state: Tree<TensorSpec>;
  readonly inputs: Tree<TensorSpec>;
}

/** A function recorded for given shapes, with the shapes of its outputs. */
export interface Traced {
  readonly graph: Graph;
  /** The outputs' tree, with each leaf the position in `graph.outputs`. */
  readonly outputs: Tree<number>;
}

/**
 * Records one run of `f` on symbolic tensors: forward, backward and update in one list of kernels. No engine is needed.
 * `f` runs once, synchronously; plain numbers and shapes may steer it, values of tensors may not.
 *
 * @throws TraceError when `f` reads a value, draws with tfjs's own random functions or calls a kernel that cannot be traced.
 */
export function trace(f: ProgramFunction, specs: ProgramSpecs): Traced {
  const recorder = new Recorder();
  const before = new Map<string, number>();
  return withRecorder(recorder, () => {
    const inputs: GraphPort[] = [];
    const port = (name: string, spec: TensorSpec): Tensor => {
      const value = recorder.add(spec);
      inputs.push({ name, value });
      return symbolicTensor(value);
    };
    const state = mapTree(specs.state, (spec, path) => {
      before.set(path, recorder.add(spec));
      return symbolicTensor(before.get(path) as number);
    });
    const args = mapTree(specs.inputs, (spec, path) => port(path, spec));
    const key = port(KEY_INPUT, { shape: [2], dtype: "int32" }) as Key;
    const result = f(state, args, key);
    const states = collectStates(recorder, before, result.state);
    const outputs: GraphPort[] = [];
    const positions = mapTree((result.outputs ?? {}) as Tree<Tensor>, (tensor, path) => {
      return outputs.push({ name: path, value: recordedValue(tensor) }) - 1;
    });
    return { graph: dropUnusedKey(toGraph(recorder, { inputs, states, outputs })), outputs: positions };
  });
}

/** Shapes of what `f` would give, without computing it; empty branches of its tree are kept. @throws TraceError as {@link trace} does. */
export function evalShape<T extends Tree<Tensor>>(
  f: (inputs: any, key: Key) => T,
  inputs: Tree<TensorSpec>,
): Tree<TensorSpec> {
  const traced = trace((_state, args, key) => ({ outputs: f(args, key) }), { state: {}, inputs });
  return mapTree(traced.outputs, (position) => {
    const { shape, dtype } = traced.graph.values[(traced.graph.outputs[position] as GraphPort).value] as TensorSpec;
    return { shape, dtype };
  });
}

function collectStates(recorder: Recorder, before: Map<string, number>, next: Tree<Tensor> | undefined): GraphState[] {
  const states = new Map<string, GraphState>([...before].map(([path, value]) => [path, { path, before: value }]));
  forEachLeaf(next ?? {}, (tensor, path) => {
    const after = recordedValue(tensor as Tensor);
    const old = before.get(path);
    if (after === old) return;
    if (old !== undefined)
      checkSameSpec(path, recorder.values[old] as TensorSpec, recorder.values[after] as TensorSpec);
    states.set(path, old === undefined ? { path, after } : { path, before: old, after });
  });
  return [...states.values()];
}

function checkSameSpec(path: string, old: TensorSpec, next: TensorSpec): void {
  if (sameSpec(old, next)) return;
  throw new Error(`compile: state "${path}" is ${formatSpec(old)} but the function returns ${formatSpec(next)} for it`);
}

function dropUnusedKey(graph: Graph): Graph {
  const key = graph.inputs.at(-1) as GraphPort;
  const used =
    graph.nodes.some((node) => Object.values(node.inputs).includes(key.value)) ||
    graph.outputs.some((p) => p.value === key.value) ||
    graph.states.some((s) => s.after === key.value);
  return used ? graph : { ...graph, inputs: graph.inputs.slice(0, -1) };
}

/** States that the optimized graph neither reads nor writes are not its business. */
function dropUnusedStates(graph: Graph): Graph {
  const read = new Set<number>([
    ...graph.nodes.flatMap((node) => Object.values(node.inputs)),
    ...graph.outputs.map((port) => port.value),
    ...graph.states.flatMap(({ after, when }) => [after, when].filter((id) => id !== undefined)),
  ]);
  const states = graph.states.flatMap((state) => {
    const isRead = state.before !== undefined && read.has(state.before);
    if (isRead || state.when !== undefined) return [state];
    return state.after === undefined ? [] : [{ path: state.path, after: state.after }];
  });
  return { ...graph, states };
}

/** A function compiled for an engine, bound to a store. */
export class Program {
  /** Milliseconds spent tracing and in the engine's compiler. */
  readonly timing: { readonly traceMs: number; readonly compileMs: number };

  constructor(
    readonly graph: Graph,
    readonly store: Store,
    private readonly executable: Executable,
    private readonly outputs: Tree<number>,
    timing: { traceMs: number; compileMs: number },
    private readonly onDispose: () => void,
  ) {
    this.timing = timing;
  }

  /**
   * One native call. State is read from and left on the engine.
   *
   * @param inputs Values by the names of the specs; plain scalars may be given as numbers.
   * @param key Key words of this run, see {@link hostKey}; `hostKey(0)` when absent.
   * @returns The function's outputs as host values.
   * @throws Error when an input is missing or differs from its spec, or a path of the state does not exist in the store.
   */
  async run(inputs: Tree<HostTensor | number> = {}, key: Int32Array = keyWords(0)): Promise<any> {
    const given = new Map<string, HostTensor | number>(flatten(inputs as Tree<HostTensor | number>));
    const feeds = this.graph.inputs.map((port) => {
      if (port.name === KEY_INPUT) return hostTensor(key, [2], "int32");
      const value = given.get(port.name);
      return checkFeed(port, this.graph.values[port.value] as TensorSpec, value);
    });
    const results = await this.executable.run(feeds);
    return mapTree(this.outputs, (position) => results[position] as HostTensor);
  }

  /** Frees the compiled program; the store stays. */
  async dispose(): Promise<void> {
    this.onDispose();
    await this.executable.dispose();
  }
}

function checkFeed(port: GraphPort, spec: TensorSpec, value: HostTensor | number | undefined): HostTensor {
  if (value === undefined) throw new Error(`run: input "${port.name}" (${formatSpec(spec)}) is missing`);
  const tensor = typeof value === "number" ? hostTensor([value], [], spec.dtype) : value;
  if (!sameSpec(spec, tensor)) {
    throw new Error(
      `run: input "${port.name}" is ${formatSpec(tensor)} but the program was compiled for ${formatSpec(spec)}`,
    );
  }
  return tensor;
}

const programs = new WeakMap<Store, WeakMap<ProgramFunction, Map<string, Promise<Program>>>>();

/**
 * Traces `f` and compiles it for an engine. A second call with the same function, store and shapes gives the same program.
 *
 * @param store Where the state lives; programs that share a store share state.
 * @throws TraceError as {@link trace} does.
 * @throws UnsupportedKernelError when the engine lacks a kernel.
 * @throws Error when the function returns another shape or dtype for a path of the state.
 */
export function compile(engine: Engine, f: ProgramFunction, specs: ProgramSpecs, store: Store): Promise<Program> {
  const byFunction = programs.get(store) ?? new WeakMap<ProgramFunction, Map<string, Promise<Program>>>();
  programs.set(store, byFunction);
  const bySpecs = byFunction.get(f) ?? new Map<string, Promise<Program>>();
  byFunction.set(f, bySpecs);
  const signature = JSON.stringify([flatten(specs.state), flatten(specs.inputs)]);
  const known = bySpecs.get(signature);
  if (known !== undefined) return known;
  const program = build(engine, f, specs, store, () => bySpecs.delete(signature));
  bySpecs.set(signature, program);
  program.catch(() => bySpecs.delete(signature));
  return program;
}

async function build(
  engine: Engine,
  f: ProgramFunction,
  specs: ProgramSpecs,
  store: Store,
  onDispose: () => void,
): Promise<Program> {
  const started = performance.now();
  const traced = trace(f, specs);
  const graph = dropUnusedStates(optimize(traced.graph, engine.capabilities));
  const recorded = performance.now();
  const executable = await engine.compile(graph, store);
  const timing = { traceMs: recorded - started, compileMs: performance.now() - recorded };
  return new Program(graph, store, executable, traced.outputs, timing, onDispose);
}
