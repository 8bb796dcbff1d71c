import { allocate, type HostTensor, missingPath, type Store, sameSpec, sizeOf, type TensorSpec } from "@latentkit/jit";
import type { Context } from "../native/context.js";
import type { Pointer } from "../native/tensorflow.js";

/** A variable of TensorFlow. */
export interface Variable extends TensorSpec {
  readonly handle: Pointer;
}

/** Where the tensor of a path is: in a variable of its own, or in a vector that holds several. */
interface Place {
  readonly spec: TensorSpec;
  readonly variable: Variable;
  /** Of its first element. */
  readonly begin: number;
}

/** Named tensors as variables on a device. What is asked of a store happens in the order it was asked. */
export class TensorflowStore implements Store {
  readonly #places = new Map<string, Place>();
  /** The paths of variables that hold several, in order. */
  readonly #joint = new Map<Variable, readonly string[]>();
  #last: Promise<unknown> = Promise.resolve();
  #disposed = false;
  /** Counts up whenever a variable is made or ends: handles that were looked up before are stale then. */
  generation = 0;
  /** What compiled programs keep in one variable, by the paths' names. */
  readonly joints = new Map<string, readonly { readonly path: string; readonly spec: TensorSpec }[]>();

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
    return new Map([...this.#places].map(([path, { spec }]) => [path, spec]));
  }

  write(entries: Iterable<readonly [path: string, value: HostTensor]>): Promise<void> {
    const copies = [...entries].map(([path, value]) => [path, { ...value, data: value.data.slice() }] as const);
    return this.enqueue(() => {
      for (const [path, value] of copies) this.#assign(path, value);
    });
  }

  #assign(path: string, value: HostTensor): void {
    const known = this.has(path) ? this.bind([path]) : undefined;
    const variable = known !== undefined && sameSpec(known, value) ? known : this.create(value);
    this.context.assignVariable(variable.handle, value, this.device);
    this.add(path, variable);
  }

  read(paths: Iterable<string>): Promise<Map<string, HostTensor>> {
    const asked = [...paths];
    return this.enqueue(() => this.#read(asked));
  }

  #read(paths: readonly string[]): Map<string, HostTensor> {
    const whole = new Map<Variable, HostTensor>();
    return new Map(
      paths.map((path) => {
        const { spec, variable, begin } = this.#place(path);
        const known = whole.get(variable) ?? this.#value(variable);
        whole.set(variable, known);
        return [path, { ...spec, data: known.data.slice(begin, begin + sizeOf(spec.shape)) }];
      }),
    );
  }

  #value({ handle, shape, dtype }: Variable): HostTensor {
    return this.context.readVariable(handle, { shape, dtype }, this.device);
  }

  delete(paths: Iterable<string>): Promise<void> {
    const asked = [...paths];
    return this.enqueue(() => {
      for (const path of asked) this.#drop(path);
    });
  }

  /** @throws Error naming the paths that exist when this one does not. */
  spec(path: string): TensorSpec {
    return this.#place(path).spec;
  }

  #place(path: string): Place {
    const place = this.#places.get(path);
    if (place === undefined) throw missingPath(path, this.#places.keys());
    return place;
  }

  has(path: string): boolean {
    return this.#places.has(path);
  }

  /** The variable that holds the tensors of these paths of one dtype and no other, one behind the other; they are moved into one where they are not. */
  bind(paths: readonly string[]): Variable {
    const [first] = paths as [string];
    const { variable } = this.#place(first);
    if (paths.join("\n") === (this.#joint.get(variable)?.join("\n") ?? first)) return variable;
    for (const path of paths) this.#separate(path);
    return paths.length === 1 ? this.#place(first).variable : this.#join(paths);
  }

  #join(paths: readonly string[]): Variable {
    const { dtype } = this.spec(paths[0] as string);
    const parts = [...this.#read(paths).values()];
    const data = allocate(
      dtype,
      parts.reduce((size, part) => size + part.data.length, 0),
    );
    const joint = this.create({ shape: [data.length], dtype });
    let begin = 0;
    const places = parts.map(({ shape, data: part }) => {
      data.set(part, begin);
      begin += part.length;
      return { spec: { shape, dtype }, variable: joint, begin: begin - part.length };
    });
    this.context.assignVariable(joint.handle, { shape: joint.shape, dtype, data }, this.device);
    paths.forEach((path, i) => {
      this.discard(this.#place(path).variable);
      this.#places.set(path, places[i] as Place);
    });
    this.#joint.set(joint, paths);
    this.generation++;
    return joint;
  }

  /** Gives every tensor of the variable that holds a path a variable of its own. */
  #separate(path: string): void {
    const { variable: joint } = this.#place(path);
    const paths = this.#joint.get(joint);
    if (paths === undefined) return;
    for (const [one, value] of this.#read(paths)) {
      const variable = this.create(value);
      this.context.assignVariable(variable.handle, value, this.device);
      this.#places.set(one, { spec: this.spec(one), variable, begin: 0 });
    }
    this.#joint.delete(joint);
    this.discard(joint);
    this.generation++;
  }

  /** A variable for a path that {@link add} makes part of the store when it has a value. */
  create({ shape, dtype }: TensorSpec): Variable {
    return { shape: [...shape], dtype, handle: this.context.newVariable({ shape, dtype }, this.device) };
  }

  add(path: string, variable: Variable): void {
    if (this.#places.get(path)?.variable === variable) return;
    this.#drop(path);
    const { shape, dtype } = variable;
    this.#places.set(path, { spec: { shape, dtype }, variable, begin: 0 });
    this.generation++;
  }

  /** Ends a variable that no path has. */
  discard({ handle }: Variable): void {
    this.context.destroyVariable(handle, this.device);
  }

  #drop(path: string): void {
    if (!this.has(path)) return;
    const variable = this.bind([path]);
    this.#places.delete(path);
    this.generation++;
    this.discard(variable);
  }

  dispose(): Promise<void> {
    if (this.#disposed) return this.settled();
    this.#disposed = true;
    this.onDispose();
    return this.#queue(() => {
      for (const path of [...this.#places.keys()]) this.#drop(path);
    });
  }
}
