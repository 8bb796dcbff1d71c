import { libc } from "./tensorflow.js";

type Trim = (keep: number) => number;

let trim: Trim | undefined;

/**
 * Gives memory that native code freed back to the system, where the C library can. XLA's compiler leaves hundreds of MiB in the arenas of
 * its threads, which would count as the process's for as long as it lives. https://man7.org/linux/man-pages/man3/malloc_trim.3.html
 */
export function trimMemory(): void {
  trim ??= findTrim();
  trim(0);
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
