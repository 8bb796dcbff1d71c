import { UnsupportedKernelError } from "@latentkit/jit";
import { TensorFlowError } from "../native/tensorflow.js";

/** `TF_Code`. */
const [UNIMPLEMENTED, RESOURCE_EXHAUSTED] = [12, 8];

/** An error of TensorFlow told in the user's terms: the kernel that failed and the line that called it. */
export function describeFailure(error: unknown, sites: readonly string[]): unknown {
  if (!(error instanceof TensorFlowError)) return error;
  const index = /\bn(\d+)_\w+/.exec(error.message)?.[1];
  const [kernel, site] = (index === undefined ? "" : (sites[Number(index)] ?? "")).split(" ");
  const reason = oneLine(error.message);
  const options = { cause: error };
  if (error.code === RESOURCE_EXHAUSTED || /\bOOM\b|out of memory/i.test(error.message)) {
    const where = kernel ? ` in ${kernel}, called at ${site}` : "";
    return new Error(`engine tensorflow: out of memory${where}: ${reason}; use a smaller batch or model`, options);
  }
  if (!kernel) return new Error(`engine tensorflow: ${reason}`, options);
  if (error.code === UNIMPLEMENTED || /No registered '\w+' OpKernel|unsupported operations/i.test(error.message)) {
    return new UnsupportedKernelError("tensorflow", kernel, site ?? "", reason);
  }
  return new Error(`engine tensorflow: ${kernel} failed: ${reason}; called at ${site}`, options);
}

/** The first line of a message, without the names that only the graph knows. */
function oneLine(message: string): string {
  const [first] = message.split("\n") as [string];
  return first.replace(/\{\{(function_)?node [^}]*\}\}\s*/g, "").trim();
}
