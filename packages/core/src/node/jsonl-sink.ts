import { closeSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { UserError } from "@latentkit/jit";
import type { LogSink } from "../log.js";
import { withFileErrors, withFileErrorsSync, writeFileAtomic } from "./files.js";

/** One line of `metrics.jsonl`. */
export interface MetricsLine {
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** `null` stands for NaN and infinities, which JSON cannot hold. */
  readonly [name: string]: number | null;
}

/** Options of {@link openJsonlSink}. */
export interface JsonlSinkOptions {
  /** Continue after this step: lines of later steps are cut. The file is started anew when absent. */
  readonly resumeAt?: number | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/**
 * Opens `metrics.jsonl`: one JSON object a line, `{"step":500,"time":…,"train/loss":104.2}`.
 *
 * A line reaches the operating system before `scalars` returns. A last line torn by the death of a process is repaired on resume.
 *
 * @throws UserError when the file cannot be written, or a line other than the last is broken.
 */
export async function openJsonlSink(path: string, options: JsonlSinkOptions = {}): Promise<LogSink> {
  const kept = options.resumeAt === undefined ? "" : await linesUpTo(path, options.resumeAt);
  await writeFileAtomic(path, kept);
  const action = `cannot write ${path}`;
  const file = withFileErrorsSync(action, () => openSync(path, "a"));
  const now = options.now ?? Date.now;
  return {
    scalars(step, values) {
      const line = formatLine(step, now() / 1000, values);
      withFileErrorsSync(action, () => writeAll(file, Buffer.from(line)));
    },
    async close() {
      closeSync(file);
    },
  };
}

/** A full disk may take a part of the bytes first; the next call then throws. */
export function writeAll(file: number, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) offset += writeSync(file, bytes, offset);
}

function formatLine(step: number, time: number, values: Readonly<Record<string, number>>): string {
  if ("step" in values || "time" in values)
    throw new RangeError('metrics.jsonl: a value cannot be named "step" or "time"');
  return `${JSON.stringify({ step, time, ...values })}\n`;
}

/**
 * Reads `metrics.jsonl`; a torn last line is passed over.
 *
 * @throws UserError when it cannot be read, or a line other than the last is broken.
 */
export async function readMetrics(path: string): Promise<MetricsLine[]> {
  const text = await withFileErrors(`cannot read ${path}`, () => readFile(path, "utf8"));
  return completeLines(text).map((line, i) => parseLine(line, i, path));
}

async function linesUpTo(path: string, step: number): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    return withFileErrors(`cannot read ${path}`, () => Promise.reject(error));
  }
  const kept = completeLines(text).filter((line, i) => parseLine(line, i, path).step <= step);
  return kept.map((line) => `${line}\n`).join("");
}

/** What stands behind the last line break was torn off. */
const completeLines = (text: string): string[] => text.split("\n").slice(0, -1);

function parseLine(line: string, index: number, path: string): MetricsLine {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof (value as MetricsLine | null)?.step === "number") return value as MetricsLine;
  } catch {
    // reported below, like JSON of another kind
  }
  throw new UserError(
    "@latentkit/core",
    `${path} line ${index + 1} is not a metrics line; delete that line and try again`,
  );
}
