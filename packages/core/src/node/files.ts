import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { UserError } from "@latentkit/jit";

/** What a user reads for an error of the file system, by its code. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied; change its permissions or choose another path",
  EPERM: "operation not permitted; change its permissions or choose another path",
  EROFS: "the file system is read-only; choose another path",
  ENOSPC: "the disk is full; free some space and try again",
  EDQUOT: "the disk quota is used up; free some space and try again",
  EFBIG: "the file would be larger than allowed; raise the limit or choose another path",
  ENOENT: "it does not exist; check the path",
  ENOTDIR: "a part of the path is a file, not a folder; check the path",
  EISDIR: "it is a folder, not a file; check the path",
  EEXIST: "it exists already; choose another path",
  ENAMETOOLONG: "the name is too long; choose a shorter path",
};

/**
 * Turns an error of the file system into one line for the user; other errors are returned as they are.
 *
 * @param action What was tried, with the path: `cannot write runs/vae/config.json`.
 */
export function fileError(error: unknown, action: string): unknown {
  const reason = REASONS[(error as NodeJS.ErrnoException | null)?.code ?? ""];
  return reason === undefined ? error : new UserError("@latentkit/core", `${action}: ${reason}`, { cause: error });
}

/** Awaits work on files. @throws UserError for what {@link fileError} knows. */
export async function withFileErrors<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, action);
  }
}

/** {@link withFileErrors} for synchronous work. */
export function withFileErrorsSync<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fileError(error, action);
  }
}

/**
 * Makes a folder and those above it. Not Node's recursive `mkdir`: that one never returns where a parent exists but nothing can be made in it
 * with ENOENT, as in Linux's /proc.
 */
export async function makeFolder(path: string): Promise<void> {
  const attempt = async (): Promise<string | undefined> => {
    try {
      await mkdir(path);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" && !existsSync(dirname(path))) return code;
      if (existsSync(path) && statSync(path).isDirectory()) return undefined;
      throw error;
    }
  };
  if ((await attempt()) === undefined) return;
  await makeFolder(dirname(path));
  await attempt();
}

/** What a command makes a folder of. */
export interface FolderKind {
  /** One of them, as messages call it: `run`. */
  readonly noun: string;
  /** The same where it must be told from all other files: `latentkit run`; `noun` when absent. */
  readonly fullNoun?: string;
  /** Whether a folder that is not empty is one of them. */
  isOurs(): Promise<boolean>;
  /** All that may be in it, in the order to delete; the file that {@link isOurs} looks for is last, so that a folder half deleted is still known. */
  readonly parts: readonly string[];
}

/**
 * Looks whether `--out` is free for something new, before anything slow is done for it; changes nothing.
 *
 * @throws UserError when it cannot be read, holds one already and `overwrite` is not given, or holds anything else.
 */
export function requireFreeFolder(
  path: string,
  { noun, fullNoun = noun, isOurs }: FolderKind,
  overwrite = false,
): Promise<void> {
  return withFileErrors(outProblem(path), async () => {
    if (!existsSync(path)) return;
    await makeFolder(path); // does nothing to a folder, and says what is wrong with a file
    if ((await readdir(path)).every(isTemporaryName)) return;
    if (!(await isOurs()))
      throw new UserError("@latentkit/core", `--out ${path} holds files but no ${fullNoun}; choose another folder`);
    if (overwrite) return;
    throw new UserError(
      "@latentkit/core",
      `--out ${path} holds a ${noun}; use --resume ${path} to continue it, or --overwrite to delete it and start again`,
    );
  });
}

/**
 * Makes the folder of `--out` ready for something new; what others left behind there is never touched.
 *
 * @throws UserError when it cannot be written, or for the reasons of {@link requireFreeFolder}.
 */
export async function claimFolder(path: string, kind: FolderKind, overwrite = false): Promise<void> {
  await requireFreeFolder(path, kind, overwrite);
  await withFileErrors(outProblem(path), async () => {
    await makeFolder(path);
    for (const part of kind.parts) await rm(part, { recursive: true, force: true });
  });
}

const outProblem = (path: string): string => `--out ${path} cannot be used`;

/** Writes a new file (or replaces its content in place) and waits until the disk has it. */
export async function writeFileSynced(path: string, data: Uint8Array | string): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(data);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Waits until the disk has a folder's list of names. Windows cannot sync folders and needs not to. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Writes a file so that readers see the old content or all of the new one, even after a crash: temporary file, fsync, rename.
 *
 * @throws UserError when it cannot be written; the old file is intact.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  await withFileErrors(`cannot write ${path}`, async () => {
    try {
      await writeFileSynced(temporary, data);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  });
}

/** Whether {@link writeFileAtomic} left this file behind when its process was killed. */
export function isTemporaryName(name: string): boolean {
  return /^\..*\.\d+\.tmp$/.test(name);
}

/** The sha256 of bytes (of a text: in UTF-8), 64 hexadecimal digits. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** sha256 of a file in hex, read in pieces. @throws UserError when it cannot be read. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  await withFileErrors(`cannot read ${path}`, () => pipeline(createReadStream(path), hash));
  return hash.digest("hex");
}
