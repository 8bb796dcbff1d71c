import { libc } from "./tensorflow.js";

type Trim = (keep: number) => number;

/** Not more than this part of the time is spent on trimming after runs. */
const SHARE = 1 / 50;

let trim: Trim | undefined;
/** Whether a trim was asked for, and from when on it is done, in milliseconds of `performance.now()`. */
let asked = false;
let due = 0;

/**
 * Gives memory that native code freed back to the system, where the C library can. XLA's compiler leaves hundreds of MiB in the arenas of
 * its threads, which would count as the process's for as long as it lives; so do copies of state and the constants of programs that have
 * ended. https://man7.org/linux/man-pages/man3/malloc_trim.3.html
 */
export function trimMemory(): void {
  trim ??= findTrim();
  const started = performance.now();
  trim(0);
  const ended = performance.now();
  asked = false;
  due = ended + (ended - started) / SHARE;
}

/** Asks for {@link trimMemory} after a run that comes: for what can happen at every step. */
export function trimSoon(): void {
  asked = true;
}

/** Does what {@link trimSoon} asked for, when the last trim was long enough ago. */
export function trimIfDue(): void {
  if (asked && performance.now() >= due) trimMemory();
}

function findTrim(): Trim {
  const nothing: Trim = () => 0;
  if (process.platform !== "linux") return nothing;
  try {
    return libc().func("int malloc_trim(size_t)") as unknown as Trim;
  } catch {
    return nothing; // not glibc
  }
}
