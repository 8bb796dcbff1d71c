import { UnsupportedKernelError } from "@latentkit/jit";

/** Names of nodes are `kernel @ site #number`; onnxruntime quotes them in its messages. */
const NODE = /(\w+) @ (.*?) #\d+/;

/** An error of onnxruntime told in the user's terms: the kernel that failed and the line that called it. */
export function describeFailure(error: Error): Error {
  const [, kernel, site] = NODE.exec(error.message) ?? [];
  if (kernel === undefined || site === undefined) {
    return error.message.startsWith("engine onnx") || error.message.startsWith("store")
      ? error
      : new Error(`engine onnx: ${error.message}`, { cause: error });
  }
  const reason = error.message.replace(/^.*Status Message:\s*/s, "").trim();
  if (/NOT_IMPLEMENTED|Could not find an implementation/.test(error.message))
    return new UnsupportedKernelError("onnx", kernel, site, reason);
  return new Error(`engine onnx: ${kernel} failed: ${reason}; called at ${site}`, { cause: error });
}
