import { libc } from "./tensorflow.js";

const STDERR = 2;

/**
 * Runs `f` with the process's stderr closed to native code: TensorFlow greets with several lines before its log level is heard. Written
 * text of JavaScript cannot be lost, since `f` is synchronous. Set TF_CPP_MIN_LOG_LEVEL=0 to see everything.
 */
export function quietly<T>(f: () => T): T {
  if (process.platform === "win32" || process.env.TF_CPP_MIN_LOG_LEVEL === "0") return f();
  const c = libc();
  const [dup, dup2, close] = [c.func("int dup(int)"), c.func("int dup2(int, int)"), c.func("int close(int)")];
  const nowhere = c.func("int open(const char *, int)")("/dev/null", 1) as number;
  const saved = dup(STDERR) as number;
  if (nowhere < 0 || saved < 0) return f();
  dup2(nowhere, STDERR);
  try {
    return f();
  } finally {
    dup2(saved, STDERR);
    close(saved);
    close(nowhere);
  }
}
