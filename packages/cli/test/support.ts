import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 }); // every call starts a process

const bin = fileURLToPath(new URL("../bin/latentkit.js", import.meta.url));
if (!existsSync(new URL("../dist/cli.js", import.meta.url)))
  throw new Error("these tests run the built program: npm run build first");

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Shell commands before the program: `ulimit -f 16`. */
  readonly before?: string;
}

/** Starts the built program as a user would. */
export function start(
  args: readonly string[],
  { cwd, env = {}, before }: SpawnOptions,
): { child: ChildProcess; finished: Promise<Finished> } {
  const { NO_COLOR: _a, FORCE_COLOR: _b, ...inherited } = process.env;
  const options = { cwd, env: { ...inherited, ...env } };
  const child =
    before === undefined
      ? spawn(process.execPath, [bin, ...args], options)
      : spawn("bash", ["-c", `${before}; exec "$@"`, "bash", process.execPath, bin, ...args], options);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, ...output }));
  });
  return { child, finished };
}

export function latentkit(args: readonly string[], options: SpawnOptions): Promise<Finished> {
  return start(args, options).finished;
}

/** The last line of stdout as JSON. */
export function lastJson({ stdout }: Finished): any {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}

/** A folder for one test file with small data sets in it. */
export async function workFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "latentkit-cli-"));
  await writeFile(join(path, "points.csv"), points(60));
  await writeFile(join(path, "nan.csv"), "x,y\n1,2\n3,nan\n5,6\n");
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Two clouds of points, labelled. */
function points(n: number): string {
  const rows = Array.from({ length: n }, (_, i) => {
    const [a, b] = [Math.sin(i * 12.9898), Math.cos(i * 78.233)];
    return i % 2 === 0 ? `${2 + a},${b},left` : `${-2 + b},${a * b},right`;
  });
  return `x,y,side\n${rows.join("\n")}\n`;
}

/** Training options that take a second. */
export const TINY = [
  ...["--data", "csv:points.csv", "--data-set", "label=side", "--set", "latentDim=2", "--set", "hidden=[8]"],
  ...["--batch-size", "16", "--engine", "eager"],
];
