import { readFileSync, statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { installRoot } from "./cache.js";
import { checkLibrary } from "./check.js";
import { loadReport } from "./load-check.js";
import { SETUP_COMMAND, VARIABLE } from "./refusal.js";

/** Hidden, beside the installations. */
const RECORD = ".loadable.json";
const KEPT = 20;

/**
 * Makes sure that loading a library will not bring this process down: its headers are read, and the first time that this machine sees the
 * file, a child process loads it. That takes half a second; the cache remembers it.
 *
 * @throws UserError when it cannot be loaded here.
 */
export async function ensureLoadable(path: string): Promise<void> {
  checkLibrary(path);
  const record = join(installRoot(), RECORD);
  const known = readRecord(record);
  const key = fingerprint(path);
  if (known.includes(key)) return;
  await loadReport(path, `run \`${SETUP_COMMAND}\`, or set ${VARIABLE} to a whole library`);
  try {
    writeFileSync(record, JSON.stringify([key, ...known].slice(0, KEPT)));
  } catch {
    // no cache, or one that may not be written: it is checked again next time
  }
}

/** A file, as it is now, on a processor. */
function fingerprint(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return [path, size, Math.round(mtimeMs), cpus()[0]?.model ?? "", process.version].join(" | ");
}

function readRecord(file: string): string[] {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as unknown;
    return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
  } catch {
    return [];
  }
}
