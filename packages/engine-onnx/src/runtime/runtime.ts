import { Worker } from "node:worker_threads";
import { missingPath } from "@latentkit/jit";
import type { Reply, RequestBody, Result } from "./messages.js";

/** Flags shared with the thread: it is inside onnxruntime (or still loading it); the process ends. */
const [BUSY, ENDING] = [0, 1];

/** Longest wait, when the process ends, for the run that computes. */
const MAX_WAIT_MS = 60_000;

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The process's onnxruntime thread. There is one: a machine's cores serve one run at a time best, and onnxruntime flushes denormal numbers
 * to zero only on the thread that makes the first session. It keeps the process alive only while an answer is awaited.
 */
class Runtime {
  readonly #flags = new Int32Array(new SharedArrayBuffer(8)).fill(1, BUSY, BUSY + 1);
  readonly #worker = new Worker(new URL("./worker.js", import.meta.url), {
    name: "latentkit onnx",
    workerData: this.#flags,
    resourceLimits: { maxYoungGenerationSizeMb: 8 }, // or V8 doubles it late in a long run, and memory is not flat
    execArgv: [], // flags of the process, such as --input-type, may not fit a file
  });
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  #failure: Error | undefined;

  constructor() {
    this.#worker.on("message", (reply: Reply) => {
      this.#settle(reply);
    });
    this.#worker.on("error", (error) => {
      this.#fail(error);
    });
    this.#worker.on("exit", (code) => {
      this.#fail(new Error(`it ended with code ${code}`));
    });
    process.on("exit", () => {
      this.#letFinish();
    });
    this.#worker.unref(); // after the listeners: adding one for messages refs the thread again
  }

  /** Sends a request; answers come in the order of the requests. */
  ask(request: RequestBody, transfer: readonly ArrayBuffer[] = []): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = this.#count++;
    if (this.#waiting.size === 0) this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id }, transfer);
    });
  }

  /** Whether it can still answer. */
  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** A thread stopped inside onnxruntime aborts the process; so its call is awaited, and no other may begin. */
  #letFinish(): void {
    Atomics.store(this.#flags, ENDING, 1);
    if (this.alive) Atomics.wait(this.#flags, BUSY, 1, MAX_WAIT_MS);
  }

  #settle({ id, result, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (error === undefined) waiting?.resolve(result ?? {});
    else
      waiting?.reject(
        error.missing === undefined ? new Error(error.message) : missingPath(error.missing, error.known ?? []),
      );
  }

  #fail(cause: Error): void {
    this.#failure ??= new Error(`engine onnx: the thread of onnxruntime is gone: ${cause.message}`, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

let shared: Runtime | undefined;

export type { Runtime };

/** The thread that all engines of the process use, started on first use. */
export function sharedRuntime(): Runtime {
  if (shared === undefined || !shared.alive) shared = new Runtime();
  return shared;
}
