import { type Engine, type EngineCapabilities, hostRandom } from "@latentkit/jit";
import { cpuFeatures } from "../library/cpu-features.js";
import { refusal } from "../library/refusal.js";
import { COMPOSITES, LOWERINGS, type Lowering, lowerGraph, type Precision } from "../lowering/index.js";
import { chooseLowering } from "./choose-lowering.js";
import { type Device, deviceName, parseDevice } from "./device.js";
import { TensorflowExecutable } from "./executable.js";
import { RepeatedExecutable } from "./repeated.js";
import { type Runtime, sharedRuntime, usesOneDnn } from "./runtime.js";
import { TensorflowStore } from "./store.js";

/** Settings of {@link tensorflow}. */
export interface TensorflowOptions {
  /** Threads of one run, the same for all engines of a process. The number of available cores when absent. */
  readonly threads?: number;
  /** `cpu`, `gpu` (the first) or `gpu:N`. The first GPU when there is one, else the CPU, when absent. */
  readonly device?: string;
  /** `bf16` rounds the factors of matrix products and convolutions to bfloat16; sums, weights and everything else stay float32. */
  readonly precision?: Precision;
  /** How programs are executed; chosen for each program when absent. */
  readonly lowering?: Lowering;
}

/** An engine that knows how long it computed. */
export interface TensorflowEngine extends Engine {
  /** Seconds of all native calls so far. */
  nativeSeconds(): number;
}

/**
 * The fast engine: a program is one function of TensorFlow, called through its C library.
 *
 * @throws UserError when the library is missing or cannot be used, or a setting cannot be had; the message says what to do.
 */
export async function tensorflow(options: TensorflowOptions = {}): Promise<TensorflowEngine> {
  const { precision = "float32", lowering } = options;
  checkChoice("precision", precision, ["float32", "bf16"]);
  if (lowering !== undefined) checkChoice("lowering", lowering, LOWERINGS);
  checkThreads(options.threads);
  const wanted = parseDevice(options.device);
  const runtime = await sharedRuntime(options.threads);
  const { context } = runtime;
  const device = deviceName(wanted, context.devices);
  if (lowering !== undefined && lowering !== "graph" && !runtime.xla) {
    throw refusal(`lowering ${lowering} needs XLA, which ${runtime.library.path} lacks; use graph`);
  }
  const held = new Set<TensorflowStore | TensorflowExecutable>();
  let computedMs = 0;
  return {
    name: "tensorflow",
    capabilities: capabilitiesOf(runtime, device, precision, lowering),
    nativeSeconds: () => computedMs / 1000,
    createStore() {
      const store: TensorflowStore = new TensorflowStore(context, device.name, () => held.delete(store));
      held.add(store);
      return store;
    },
    async compile(graph, store) {
      if (!(store instanceof TensorflowStore))
        throw new Error("engine tensorflow: the store belongs to another engine");
      const { fed, remaining } = hostRandom(graph);
      const program = { ...graph, nodes: remaining };
      const make = (chosen: Lowering): TensorflowExecutable => {
        const name = context.uniqueName("program");
        const lowered = lowerGraph(context.tf, program, {
          name,
          fed,
          precision,
          lowering: chosen,
          onCpu: device.label === "cpu",
          joints: [...store.joints.values()],
        });
        for (const { parts } of lowered.states)
          if (parts.length > 1) store.joints.set(parts.map(({ path }) => path).join("\n"), parts);
        context.addFunction(lowered.definition);
        const executable: TensorflowExecutable = new TensorflowExecutable(
          context,
          device.name,
          graph,
          { name, lowered, lowering: chosen },
          fed,
          store,
          {
            onRun: (ms) => {
              computedMs += ms;
            },
            onDispose: () => held.delete(executable),
          },
        );
        held.add(executable);
        return executable;
      };
      const { first, repeated } =
        lowering === undefined ? chooseLowering(program, { xla: runtime.xla, precision }) : { first: lowering };
      if (repeated === undefined) return make(first);
      return new RepeatedExecutable(make(first), repeated.after, () => make(repeated.lowering));
    },
    async dispose() {
      await Promise.all([...held].map((thing) => thing.dispose()));
    },
  };
}

function capabilitiesOf(
  { library, context, threads, xla }: Runtime,
  device: Device,
  precision: Precision,
  lowering: Lowering | undefined,
): EngineCapabilities {
  const features = cpuFeatures();
  return {
    composites: COMPOSITES,
    foldConstants: true,
    conditionalStates: true,
    details: {
      library: `TensorFlow ${context.tf.version}`,
      origin: library.origin,
      threads,
      device: device.label,
      precision,
      lowering: lowering ?? "chosen for each program",
      xla,
      oneDNN: usesOneDnn() ?? "as the library chooses",
      ...(features === undefined ? {} : { cpu: features }),
    },
  };
}

function checkChoice(option: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw refusal(`${option} must be one of ${choices.join(", ")}, got ${value}`);
}

function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1)) return;
  throw refusal(`threads must be a positive integer, got ${threads}; leave it out to use every core`);
}
