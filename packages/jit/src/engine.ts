import type { Graph } from "./graph.js";
import type { HostTensor, TensorSpec } from "./host-tensor.js";

/** Named tensors that live on an engine (`params.encoder.fc1.kernel`); several programs share one store. */
export interface Store {
  /** Shape and dtype of every tensor that exists, by path, in the order of their creation. */
  specs(): ReadonlyMap<string, TensorSpec>;
  /** Creates or replaces tensors. */
  write(entries: Iterable<readonly [path: string, value: HostTensor]>): Promise<void>;
  /** Copies tensors to the host. @throws Error when a path does not exist. */
  read(paths: Iterable<string>): Promise<Map<string, HostTensor>>;
  delete(paths: Iterable<string>): Promise<void>;
  dispose(): Promise<void>;
}

/** A compiled graph bound to a store. Runs are executed in the order they were asked for. */
export interface Executable {
  /**
   * One native call: reads and updates the store. Never blocks the event loop for the length of the run.
   *
   * @param inputs Values in the order of `graph.inputs`; their arrays may not change until the promise settles.
   * @returns Values in the order of `graph.outputs`, owned by the caller.
   */
  run(inputs: readonly HostTensor[]): Promise<readonly HostTensor[]>;
  dispose(): Promise<void>;
}

/** What an engine says of itself; `latentkit doctor` and a run's `config.json` print it. */
export interface EngineCapabilities {
  /** Composite kernels it lowers itself; the others reach it decomposed. */
  readonly composites: ReadonlySet<string>;
  /** Kernels whose every input is a constant may be computed at compile time on the host. */
  readonly foldConstants: boolean;
  /** A state with `when` costs it less than choosing between two tensors. */
  readonly conditionalStates: boolean;
  /** Settings and versions, e.g. `{ runtime: "onnxruntime 1.30.0", threads: 2 }`. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** Runs graphs. Implemented by `eager()`, `@latentkit/engine-onnx`, `@latentkit/engine-tensorflow`. */
export interface Engine {
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  createStore(): Store;
  /** @throws UnsupportedKernelError naming kernel, engine and the line that called it. */
  compile(graph: Graph, store: Store): Promise<Executable>;
  /** Frees everything the engine holds, its stores and executables included. */
  dispose(): Promise<void>;
}
