import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { type Engine, type EngineCapabilities, type Graph, hostRandom, UserError } from "@latentkit/jit";
import { COMPOSITES, lowerGraph } from "../lowering/index.js";
import { encodeModel } from "../proto.js";
import { OnnxExecutable } from "./executable.js";
import { describeFailure } from "./failure.js";
import { sharedRuntime } from "./runtime.js";
import { OnnxStore } from "./store.js";

/** Settings of {@link onnx}. */
export interface OnnxOptions {
  /** Threads of one run. The number of available cores when absent. */
  readonly threads?: number;
  /** File name prefix for onnxruntime's profiles (Chrome trace format), one file for each program, written when it is disposed. */
  readonly profile?: string;
}

/** An engine that knows how long it computed. */
export interface OnnxEngine extends Engine {
  /** Seconds spent inside onnxruntime by all runs so far. */
  nativeSeconds(): number;
}

let count = 0;

/**
 * The engine that npm alone installs: graphs run as ONNX models in onnxruntime, in a thread of their own.
 *
 * @throws UserError when `threads` is not a positive integer.
 */
export function onnx(options: OnnxOptions = {}): OnnxEngine {
  const threads = checkThreads(options.threads ?? availableParallelism());
  const runtime = sharedRuntime();
  let computedMs = 0;
  const held = new Set<OnnxStore | OnnxExecutable>();
  const capabilities: EngineCapabilities = {
    composites: COMPOSITES,
    foldConstants: true,
    conditionalStates: true,
    details: { runtime: `onnxruntime ${runtimeVersion()}`, threads },
  };
  return {
    name: "onnx",
    capabilities,
    nativeSeconds: () => computedMs / 1000,
    createStore() {
      const store: OnnxStore = new OnnxStore(count++, runtime, () => held.delete(store));
      held.add(store);
      return store;
    },
    async compile(graph, store) {
      if (!(store instanceof OnnxStore)) throw new Error("engine onnx: the store belongs to another engine");
      const { fed, remaining } = hostRandom(graph);
      const lowered = lowerGraph({ ...graph, nodes: remaining } as Graph, fed);
      const bytes = encodeModel(lowered.onnx);
      const executable: OnnxExecutable = new OnnxExecutable(
        count++,
        graph,
        lowered,
        fed,
        store,
        runtime,
        (ms) => {
          computedMs += ms;
        },
        () => held.delete(executable),
      );
      const request = {
        type: "compile",
        program: executable.id,
        bytes,
        options: sessionOptions(threads, options),
        description: executable.description,
      } as const;
      await runtime.ask(request).catch((error: Error) => {
        throw describeFailure(error);
      });
      held.add(executable);
      return executable;
    },
    async dispose() {
      await Promise.all([...held].map((thing) => thing.dispose()));
    },
  };
}

function checkThreads(threads: number): number {
  if (Number.isInteger(threads) && threads >= 1) return threads;
  throw new UserError(
    "@latentkit/engine-onnx",
    `threads must be a positive integer, got ${threads}; leave it out to use every core`,
  );
}

function runtimeVersion(): string {
  return (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version;
}

/** Options of onnxruntime's sessions. */
function sessionOptions(threads: number, { profile }: OnnxOptions): object {
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 4,
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    // threads that wait for the next run would keep the main thread, which prepares it, off its core
    extra: { session: { set_denormal_as_zero: "1", force_spinning_stop: "1" } },
  };
}
