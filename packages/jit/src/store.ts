import type { Store } from "./engine.js";
import type { HostTensor, TensorSpec } from "./host-tensor.js";

/** A store that keeps its tensors in host memory; engines whose state lives elsewhere bring their own. */
export class HostStore implements Store {
  readonly tensors = new Map<string, HostTensor>();

  specs(): ReadonlyMap<string, TensorSpec> {
    return this.tensors;
  }

  async write(entries: Iterable<readonly [path: string, value: HostTensor]>): Promise<void> {
    for (const [path, value] of entries) this.tensors.set(path, { ...value, data: value.data.slice() });
  }

  async read(paths: Iterable<string>): Promise<Map<string, HostTensor>> {
    return new Map([...paths].map((path) => [path, copy(this.get(path))]));
  }

  async delete(paths: Iterable<string>): Promise<void> {
    for (const path of paths) this.tensors.delete(path);
  }

  async dispose(): Promise<void> {
    this.tensors.clear();
  }

  /** The tensor itself, not a copy. @throws Error naming the paths that exist when this one does not. */
  get(path: string): HostTensor {
    const value = this.tensors.get(path);
    if (value === undefined) throw missingPath(path, this.tensors.keys());
    return value;
  }
}

/** The error for a path that a store does not hold. */
export function missingPath(path: string, known: Iterable<string>): Error {
  const list = [...known];
  const shown = list.slice(0, 8).join(", ");
  return new Error(
    `store: no tensor at "${path}"; it holds ${list.length ? `${shown}${list.length > 8 ? ", …" : ""}` : "nothing"}`,
  );
}

function copy(value: HostTensor): HostTensor {
  return { ...value, data: value.data.slice() };
}
