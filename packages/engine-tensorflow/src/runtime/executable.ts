import {
  type Executable,
  type FedRandom,
  formatSpec,
  type Graph,
  type HostTensor,
  sameSpec,
  type TensorSpec,
  type ValueId,
} from "@latentkit/jit";
import type { LoweredGraph, Lowering, StatePart } from "../lowering/index.js";
import { programConfig } from "../native/config.js";
import { CallFrame, type Context } from "../native/context.js";
import { newHandle, readHandle } from "../native/tensor.js";
import { checked, type Pointer } from "../native/tensorflow.js";
import { trimIfDue, trimMemory, trimSoon } from "../native/trim.js";
import { describeFailure } from "./failure.js";
import type { TensorflowStore, Variable } from "./store.js";

/** A function of the context that holds a program. */
export interface ProgramFunction {
  readonly name: string;
  readonly lowered: LoweredGraph;
  readonly lowering: Lowering;
}

/** What an executable tells its engine. */
export interface ExecutableListener {
  /** @param ms Milliseconds of the native call. */
  onRun(ms: number): void;
  onDispose(): void;
}

/** A call that was made ready before its turn. */
interface PreparedCall {
  readonly op: Pointer;
  /** Of the store when its variables were looked up. */
  readonly generation: number;
}

const CONFIG = programConfig();

/** A program as a function of TensorFlow. Runs on one store follow each other; those on others go beside them. */
export class TensorflowExecutable implements Executable {
  readonly #frame: CallFrame;
  /** Addresses of all arguments: the variables, then what is fed. */
  readonly #arguments: BigUint64Array;
  #generation = -1;
  #runs = 0;
  #disposed = false;

  constructor(
    private readonly context: Context,
    private readonly device: string,
    private readonly graph: Graph,
    private readonly program: ProgramFunction,
    private readonly fed: ReadonlyMap<ValueId, FedRandom>,
    private readonly store: TensorflowStore,
    private readonly listener: ExecutableListener,
  ) {
    this.#frame = new CallFrame(context.tf, graph.outputs.length);
    const { states } = program.lowered;
    this.#arguments = new BigUint64Array(states.length + graph.inputs.length + fed.size);
  }

  async run(inputs: readonly HostTensor[]): Promise<readonly HostTensor[]> {
    if (this.#disposed) throw new Error("engine tensorflow: the program was disposed");
    const feeds = this.#feed(inputs);
    let ahead: PreparedCall | undefined;
    try {
      ahead = this.#prepareAhead(feeds);
      return this.#collect(await this.store.enqueue(() => this.#call(feeds, ahead)));
    } catch (error) {
      throw describeFailure(error, this.program.lowered.sites);
    } finally {
      for (const feed of feeds) this.context.tf.TFE_DeleteTensorHandle(feed);
      if (ahead !== undefined) this.context.tf.TFE_DeleteOp(ahead.op);
    }
  }

  /** The call of a run whose turn may not have come, unless its variables have to be looked up then: the step before computes meanwhile. */
  #prepareAhead(feeds: readonly Pointer[]): PreparedCall | undefined {
    const { generation } = this.store;
    return this.#generation === generation ? { op: this.#newCall(feeds), generation } : undefined;
  }

  /** Handles of all inputs, random numbers included. */
  #feed(inputs: readonly HostTensor[]): Pointer[] {
    const byId = new Map(this.graph.inputs.map((port, i) => [port.value, inputs[i] as HostTensor]));
    const random = [...this.fed.values()].map((source) => source.evaluate(byId));
    return [...inputs, ...random].map((value) => newHandle(this.context.tf, value));
  }

  /** @returns Handles of the results, which the caller deletes. */
  async #call(feeds: readonly Pointer[], ahead: PreparedCall | undefined): Promise<Pointer[]> {
    if (ahead?.generation === this.store.generation) return this.#execute(ahead.op);
    const made = this.#bindVariables();
    const op = this.#newCall(feeds);
    let results: Pointer[];
    trimSoon(); // it compiles, or state was made, moved or copied since the last run
    try {
      results = await this.#execute(op);
    } catch (error) {
      for (const variable of made.values()) this.store.discard(variable);
      throw error;
    } finally {
      this.context.tf.TFE_DeleteOp(op);
    }
    for (const [path, variable] of made) this.store.add(path, variable);
    return results;
  }

  /**
   * Looks the program's variables up and makes those that it creates.
   *
   * @returns Variables that the store gets when the run succeeds.
   * @throws Error when a path does not exist or has another shape.
   */
  #bindVariables(): Map<string, Variable> {
    const made = new Map<string, Variable>();
    if (this.#generation === this.store.generation) return made;
    const { states } = this.program.lowered;
    for (const { path, spec } of states.flatMap(({ parts, created }) => (created ? [] : parts))) {
      const known = this.store.spec(path);
      if (!sameSpec(known, spec)) throw wrongSpec(path, known, spec);
    }
    states.forEach(({ parts }, i) => {
      const [{ path, spec }] = parts as [StatePart];
      const known = this.store.has(path) ? this.store.bind(parts.map((part) => part.path)) : undefined;
      const variable =
        known !== undefined && (parts.length > 1 || sameSpec(known, spec)) ? known : this.store.create(spec);
      if (variable !== known) made.set(path, variable);
      this.#arguments[i] = variable.handle;
    });
    this.#generation = made.size === 0 ? this.store.generation : -1;
    return made;
  }

  /** The program as an operation to execute, with its arguments; the caller deletes it. */
  #newCall(feeds: readonly Pointer[]): Pointer {
    const { tf } = this.context;
    this.#arguments.set(feeds, this.program.lowered.states.length);
    const op = this.context.newOp(this.program.name, this.device);
    if (this.program.lowering === "xla") tf.TFE_OpSetAttrBool(op, "_XlaMustCompile", 1);
    tf.TFE_OpSetAttrString(op, "config_proto", CONFIG, CONFIG.length);
    const count = this.#arguments.length;
    try {
      if (count > 0) checked(tf, (status) => tf.TFE_OpAddInputList(op, this.#arguments, count, status));
    } catch (error) {
      tf.TFE_DeleteOp(op);
      throw error;
    }
    return op;
  }

  async #execute(op: Pointer): Promise<Pointer[]> {
    const started = performance.now();
    try {
      return await this.#frame.execute(op);
    } finally {
      this.listener.onRun(performance.now() - started);
      if (isPowerOfTwo(++this.#runs)) trimSoon(); // what the collector of garbage freed meanwhile, ever more rarely
      trimIfDue();
    }
  }

  #collect(results: readonly Pointer[]): HostTensor[] {
    const { tf } = this.context;
    try {
      return results.map((handle, i) => {
        const port = this.graph.outputs[i] as { value: ValueId };
        return readHandle(tf, handle, this.graph.values[port.value] as TensorSpec);
      });
    } finally {
      for (const handle of results) tf.TFE_DeleteTensorHandle(handle);
    }
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.store.settled();
    this.context.removeFunction(this.program.name);
    this.#frame.delete();
    trimMemory();
    this.listener.onDispose();
  }
}

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));

function wrongSpec(path: string, known: TensorSpec, spec: TensorSpec): Error {
  return new Error(
    `state "${path}" is ${formatSpec(known)} in the store, but the program was compiled for ${formatSpec(spec)}`,
  );
}
