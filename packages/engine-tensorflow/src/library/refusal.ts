import { UserError } from "@latentkit/jit";

/** Names a library that is to be used instead of all others. */
export const VARIABLE = "LATENTKIT_LIBTENSORFLOW";
/** Names the folder of latentkit's cache. */
export const CACHE_VARIABLE = "LATENTKIT_CACHE";
/** The command that installs the library. */
export const SETUP_COMMAND = "latentkit setup tensorflow";

/** An error of this package that a user can mend: one line. */
export function refusal(message: string, cause?: unknown): UserError {
  return new UserError("@latentkit/engine-tensorflow", message, cause === undefined ? undefined : { cause });
}

const WRITABLE = `set ${CACHE_VARIABLE} to a folder where you may write`;
const LARGER = `free some space, or set ${CACHE_VARIABLE} to a folder on a larger disk`;
const REASONS: Readonly<Record<string, string>> = {
  EACCES: `permission denied; ${WRITABLE}`,
  EPERM: `operation not permitted; ${WRITABLE}`,
  EROFS: `the file system is read-only; ${WRITABLE}`,
  ENOENT: `it cannot be made; ${WRITABLE}`,
  ENOTDIR: `a part of the path is a file; ${WRITABLE}`,
  ENOSPC: `the disk is full; nothing was installed; ${LARGER}`,
  EDQUOT: `the disk quota is used up; nothing was installed; ${LARGER}`,
};

/** Runs work on files of the cache. @throws UserError for what a user can mend, by the error's code. */
export async function inCache<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ""];
    throw reason === undefined ? error : refusal(`cannot write in the cache ${folder}: ${reason}`, error);
  }
}
