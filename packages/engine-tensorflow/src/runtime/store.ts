import { type HostTensor, missingPath, type Store, sameSpec, type TensorSpec } from "@latentkit/jit";
import type { Context } from "../native/context.js";
import type { Pointer } from "../native/tensorflow.js";

/** A variable of TensorFlow. */
export interface Variable extends TensorSpec {
  readonly handle: Pointer;
}

/** Named tensors as variables on a device. What is asked of a store happens in the order it was asked. */
export class TensorflowStore implements Store {
  readonly #variables = new Map<string, Variable>();
  #last: Promise<unknown> = Promise.resolve();
  #disposed = false;
  /** Counts up whenever a variable is made or ends: handles that were looked up before are stale then. */
  generation = 0;

  constructor(
    private readonly context: Context,
    private readonly device: string,
    private readonly onDispose: () => void,
  ) {}

  /** Starts `work` when everything asked before has ended. @throws Error when the store was disposed. */
  enqueue<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#disposed) return Promise.reject(new Error("engine tensorflow: the store was disposed"));
    return this.#queue(work);
  }

  /** Who waits for some work hears of it when the next has begun: what is done with results costs that one no time. */
  #queue<T>(work: () => T | Promise<T>): Promise<T> {
    const next = this.#last.then(work, work);
    this.#last = next;
    return next.then((result) => result);
  }

  /** When everything asked so far has ended. */
  async settled(): Promise<void> {
    await this.#last.catch(() => {});
  }

  specs(): ReadonlyMap<string, TensorSpec> {
    return new Map([...this.#variables].map(([path, { shape, dtype }]) => [path, { shape, dtype }]));
  }

  write(entries: Iterable<readonly [path: string, value: HostTensor]>): Promise<void> {
    const copies = [...entries].map(([path, value]) => [path, { ...value, data: value.data.slice() }] as const);
    return this.enqueue(() => {
      for (const [path, value] of copies) this.#assign(path, value);
    });
  }

  #assign(path: string, value: HostTensor): void {
    const known = this.#variables.get(path);
    const variable = known !== undefined && sameSpec(known, value) ? known : this.create(value);
    this.context.assignVariable(variable.handle, value, this.device);
    this.add(path, variable);
  }

  read(paths: Iterable<string>): Promise<Map<string, HostTensor>> {
    const asked = [...paths];
    return this.enqueue(() => new Map(asked.map((path) => [path, this.#read(path)])));
  }

  #read(path: string): HostTensor {
    const { handle, shape, dtype } = this.get(path);
    return this.context.readVariable(handle, { shape, dtype }, this.device);
  }

  delete(paths: Iterable<string>): Promise<void> {
    const asked = [...paths];
    return this.enqueue(() => {
      for (const path of asked) this.#drop(path);
    });
  }

  /** The variable of a path. @throws Error naming the paths that exist when there is none. */
  get(path: string): Variable {
    const variable = this.#variables.get(path);
    if (variable === undefined) throw missingPath(path, this.#variables.keys());
    return variable;
  }

  has(path: string): boolean {
    return this.#variables.has(path);
  }

  /** A variable for a path that {@link add} makes part of the store when it has a value. */
  create({ shape, dtype }: TensorSpec): Variable {
    return { shape: [...shape], dtype, handle: this.context.newVariable({ shape, dtype }, this.device) };
  }

  add(path: string, variable: Variable): void {
    if (this.#variables.get(path) === variable) return;
    this.#drop(path);
    this.#variables.set(path, variable);
    this.generation++;
  }

  /** Ends a variable that never got a value. */
  discard({ handle }: Variable): void {
    this.context.destroyVariable(handle, this.device);
  }

  #drop(path: string): void {
    const variable = this.#variables.get(path);
    if (variable === undefined) return;
    this.#variables.delete(path);
    this.generation++;
    this.discard(variable);
  }

  dispose(): Promise<void> {
    if (this.#disposed) return this.settled();
    this.#disposed = true;
    this.onDispose();
    return this.#queue(() => {
      for (const path of [...this.#variables.keys()]) this.#drop(path);
    });
  }
}
