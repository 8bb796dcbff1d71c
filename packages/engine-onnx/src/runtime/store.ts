import type { HostTensor, Store, TensorSpec } from "@latentkit/jit";
import type { SentTensor } from "./messages.js";
import type { Runtime } from "./runtime.js";

/** A store whose tensors live in the thread of onnxruntime. */
export class OnnxStore implements Store {
  readonly #specs = new Map<string, TensorSpec>();
  #disposed = false;

  constructor(
    readonly id: number,
    private readonly runtime: Runtime,
    private readonly onDispose: () => void,
  ) {}

  specs(): ReadonlyMap<string, TensorSpec> {
    return this.#specs;
  }

  /** Notes that a run has created a tensor. */
  created(path: string, { shape, dtype }: TensorSpec): void {
    if (!this.#disposed) this.#specs.set(path, { shape, dtype });
  }

  async write(entries: Iterable<readonly [path: string, value: HostTensor]>): Promise<void> {
    this.#check();
    const sent = [...entries].map(([path, { shape, dtype, data }]) => ({ path, shape, dtype, data: data.slice() }));
    for (const { path, shape, dtype } of sent) this.#specs.set(path, { shape, dtype });
    const buffers = sent.map(({ data }) => data.buffer as ArrayBuffer);
    await this.runtime.ask({ type: "write", store: this.id, entries: sent }, buffers);
  }

  async read(paths: Iterable<string>): Promise<Map<string, HostTensor>> {
    this.#check();
    const names = [...paths];
    const { tensors = [] } = await this.runtime.ask({ type: "read", store: this.id, paths: names });
    return new Map(names.map((path, i) => [path, tensors[i] as SentTensor]));
  }

  async delete(paths: Iterable<string>): Promise<void> {
    this.#check();
    const names = [...paths];
    for (const path of names) this.#specs.delete(path);
    await this.runtime.ask({ type: "delete", store: this.id, paths: names });
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#specs.clear();
    this.onDispose();
    await this.runtime.ask({ type: "disposeStore", store: this.id });
  }

  #check(): void {
    if (this.#disposed) throw new Error("engine onnx: the store was disposed");
  }
}
