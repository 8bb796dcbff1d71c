import { availableParallelism } from "node:os";
import { ensureLoadable } from "../library/ensure-loadable.js";
import { type FoundLibrary, findLibrary } from "../library/find.js";
import { refusal, SETUP_COMMAND } from "../library/refusal.js";
import { Context } from "../native/context.js";
import { quietly } from "../native/quiet.js";
import { bindTensorFlow } from "../native/tensorflow.js";
import { probeXla } from "./probe-xla.js";

/** TensorFlow as this process loaded it. It cannot be unloaded, and its threads are as many as its first user asked for. */
export interface Runtime {
  readonly library: FoundLibrary;
  readonly context: Context;
  readonly threads: number;
  /** Whether this library can compile with XLA. */
  readonly xla: boolean;
}

let runtime: Promise<Runtime> | undefined;

/**
 * The process's TensorFlow, loaded on first use.
 *
 * @param threads Of one run; what was asked first, or all cores, when absent.
 * @throws UserError when there is no library, it cannot be used, or its threads are settled already.
 */
export async function sharedRuntime(threads?: number): Promise<Runtime> {
  runtime ??= start(threads ?? availableParallelism());
  const started = await runtime.catch((error: unknown) => {
    runtime = undefined;
    throw error;
  });
  if (threads === undefined || threads === started.threads) return started;
  throw refusal(
    `threads ${threads} cannot be had: this process runs TensorFlow with ${started.threads}, which is settled by its first engine; ask for ${started.threads} or start another process`,
  );
}

async function start(threads: number): Promise<Runtime> {
  const library = findLibrary();
  if (library === undefined) {
    throw refusal(`TensorFlow's C library is not installed; run \`${SETUP_COMMAND}\``);
  }
  await ensureLoadable(library.path);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  chooseKernels();
  return quietly(() => {
    const tf = bindTensorFlow(library.path);
    tuneXla(tf.version);
    const context = new Context(tf, { threads });
    return { library, context, threads, xla: probeXla(context) };
  });
}

/** The library's switch for oneDNN; it is read when the first operation runs. */
const ONEDNN_SWITCH = "TF_ENABLE_ONEDNN_OPTS";

/**
 * Convolutions on oneDNN: left alone, the library takes it only on x64 processors with instructions for neural networks (AVX512-VNNI and newer), and computes by
 * Eigen on all others, where oneDNN is up to 1.7 times as fast. What the user set stays.
 */
function chooseKernels(): void {
  if (process.arch === "x64") process.env[ONEDNN_SWITCH] ??= "1";
}

/** Whether operations run on oneDNN; `undefined` where the library decides. */
export function usesOneDnn(): boolean | undefined {
  const value = process.env[ONEDNN_SWITCH]?.toLowerCase();
  return value === undefined ? undefined : value === "1" || value === "true";
}

/** Products, sums and what lies between them on the kernels that this library has, in one piece; unknown flags would end the process. */
const XLA_FLAGS: Readonly<Record<string, string>> = {
  "2.21 linux x64":
    "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_ELTWISE,LIBRARY_FUSION_TYPE_REDUCE",
};

/** Sets flags that XLA reads when it is first used; what the user set stays. */
function tuneXla(version: string): void {
  const release = version.split(".").slice(0, 2).join(".");
  const flags = XLA_FLAGS[`${release} ${process.platform} ${process.arch}`];
  if (flags !== undefined) process.env.XLA_FLAGS ??= flags;
}
