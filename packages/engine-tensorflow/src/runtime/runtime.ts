import { availableParallelism } from "node:os";
import { UserError } from "@latentkit/jit";
import { checkLibrary } from "../library/check.js";
import { type FoundLibrary, findLibrary, SETUP_COMMAND } from "../library/find.js";
import { Context } from "../native/context.js";
import { quietly } from "../native/quiet.js";
import { bindTensorFlow } from "../native/tensorflow.js";
import { probeXla } from "./probe-xla.js";

const PACKAGE = "@latentkit/engine-tensorflow";

/** TensorFlow as this process loaded it. It cannot be unloaded, and its threads are as many as its first user asked for. */
export interface Runtime {
  readonly library: FoundLibrary;
  readonly context: Context;
  readonly threads: number;
  /** Whether this library can compile with XLA. */
  readonly xla: boolean;
}

let runtime: Runtime | undefined;

/**
 * The process's TensorFlow, loaded on first use.
 *
 * @param threads Of one run; what was asked first, or all cores, when absent.
 * @throws UserError when there is no library, it cannot be used, or its threads are settled already.
 */
export function sharedRuntime(threads?: number): Runtime {
  runtime ??= start(threads ?? availableParallelism());
  if (threads === undefined || threads === runtime.threads) return runtime;
  throw new UserError(
    PACKAGE,
    `threads ${threads} cannot be had: this process runs TensorFlow with ${runtime.threads}, which is settled by its first engine; ask for ${runtime.threads} or start another process`,
  );
}

function start(threads: number): Runtime {
  const library = findLibrary();
  if (library === undefined) {
    throw new UserError(PACKAGE, `TensorFlow's C library is not installed; run \`${SETUP_COMMAND}\``);
  }
  checkLibrary(library.path);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  return quietly(() => {
    const context = new Context(bindTensorFlow(library.path), { threads });
    return { library, context, threads, xla: probeXla(context) };
  });
}
