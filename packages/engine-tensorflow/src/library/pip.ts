import { execFile, spawn } from "node:child_process";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { compareVersions, namesIn } from "./cache.js";
import { CACHE_VARIABLE, refusal, VARIABLE } from "./refusal.js";

const run = promisify(execFile);

/** A way to call pip. */
export interface Pip {
  /** Program and first arguments: `["python3", "-m", "pip"]`. */
  readonly command: readonly [string, ...string[]];
  /** `pip 26.3`. */
  readonly version: string;
}

/** The machine's own pip, or uv, which brings one. */
const COMMANDS: readonly Pip["command"][] = [
  ["python3", "-m", "pip"],
  ["python", "-m", "pip"],
  ["pip3"],
  ["pip"],
  ["uv", "tool", "run", "pip"],
];

/**
 * Versions of Python whose wheels are asked for, one after the other. Which one does not matter, nor which one this machine has: the C library
 * inside does not depend on Python. 3.11's wheels exist from TensorFlow 2.12 to 2.22.
 */
const PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.10"];

/** @throws UserError when there is neither pip nor uv, or none of them works. */
export async function findPip(): Promise<Pip> {
  const broken: string[] = [];
  for (const command of COMMANDS) {
    const [program, ...args] = command;
    try {
      const { stdout } = await run(program, [...args, "--version"], { env: environment(), timeout: 60_000 });
      const version = /^pip [\d.]+/.exec(stdout)?.[0];
      if (version !== undefined) return { command, version };
    } catch (error) {
      const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
      if (code !== "ENOENT") broken.push(`${command.join(" ")}: ${lastError(stderr)}`);
    }
  }
  const problem =
    broken.length === 0 ? "neither pip nor uv is on the PATH" : `pip does not work (${broken.join("; ")})`;
  throw refusal(
    `${problem}; install Python 3 with pip (https://pip.pypa.io) or uv (https://docs.astral.sh/uv), or set ${VARIABLE} to a library you have`,
  );
}

/** What to download. */
export interface Download {
  readonly pip: Pip;
  /** `tensorflow-cpu==2.21.0`. */
  readonly requirement: string;
  /** The folder that gets the wheel; it exists only when the wheel is whole. */
  readonly folder: string;
  /** For pip's temporary files, on the same disk. */
  readonly scratch: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes on the disk so far, and how many there will be when pip said it. */
  readonly onBytes: (bytes: number, total: number | undefined) => void;
}

/**
 * Downloads the wheel of one requirement, without what it depends on; one that is there already is taken.
 *
 * @returns The wheel's path.
 * @throws UserError saying why pip could not.
 */
export async function downloadWheel(download: Download): Promise<string> {
  const { folder } = download;
  const there = await wheelIn(folder);
  if (there !== undefined) return there;
  const failures: string[] = [];
  for (const python of PYTHONS) {
    const part = await emptyPart(folder);
    const failure = await pipDownload(download, python, part);
    if (failure === undefined) {
      await rename(part, folder);
      const wheel = await wheelIn(folder);
      if (wheel !== undefined) return wheel;
      throw refusal(
        `${download.pip.command.join(" ")} downloaded no wheel for ${download.requirement}; run the command again`,
      );
    }
    failures.push(failure);
    await rm(part, { recursive: true, force: true });
    if (!NOT_FOUND.test(failure) || OFFLINE.test(failure)) break;
  }
  throw describeFailures(download, failures);
}

/** A folder of this process alone: the pip of one that was killed may still be writing to that one's. */
async function emptyPart(folder: string): Promise<string> {
  const parts = namesIn(dirname(folder)).filter((name) => name.startsWith(`${basename(folder)}.part`));
  for (const name of parts) await rm(join(dirname(folder), name), { recursive: true, force: true });
  const part = `${folder}.part${process.pid}`;
  await mkdir(part, { recursive: true });
  return part;
}

async function wheelIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const name = names.find((candidate) => candidate.endsWith(".whl"));
  return name && join(folder, name);
}

/** Calls pip once; returns what it wrote when it failed. */
async function pipDownload(download: Download, python: string, target: string): Promise<string | undefined> {
  const { pip, requirement, scratch, signal, onBytes } = download;
  const [program, ...first] = pip.command;
  const options = ["--no-deps", "--only-binary=:all:", "--python-version", python, "--dest", target];
  const args = [...first, "download", requirement, ...options];
  await mkdir(scratch, { recursive: true });
  const child = spawn(program, args, { env: environment(scratch), stdio: ["ignore", "pipe", "pipe"], signal });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (piece: string) => {
      output += piece;
    });
  }
  const watching = setInterval(() => {
    void Promise.all([sizeBelow(scratch), sizeBelow(target)]).then((sizes) =>
      onBytes(Math.max(...sizes), announcedSize(output)),
    );
  }, 250);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    return code === 0 ? undefined : output || `it ended with exit code ${code}`;
  } finally {
    clearInterval(watching);
  }
}

/** pip's temporary files go to `scratch`: their growth is the progress, and the cache's disk is the one that must have room. */
function environment(scratch?: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_NO_INPUT: "1",
    PYTHONUNBUFFERED: "1",
    PYTHONIOENCODING: "utf-8",
    ...(scratch === undefined ? {} : { TMPDIR: scratch, TEMP: scratch, TMP: scratch }),
  };
}

async function sizeBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map((file) => stat(join(file.parentPath, file.name)).catch(() => ({ size: 0 }))),
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

/** `Downloading tensorflow_cpu-2.21.0-cp311-….whl (271.1 MB)`. */
function announcedSize(output: string): number | undefined {
  const [, number, unit] = /\.whl \(([\d.]+) (kB|MB|GB)\)/.exec(output) ?? [];
  return number === undefined ? undefined : Number(number) * { kB: 1e3, MB: 1e6, GB: 1e9 }[unit as "kB" | "MB" | "GB"];
}

const NOT_FOUND = /No matching distribution found|Could not find a version/;
const OFFLINE =
  /NewConnectionError|NameResolutionError|name resolution|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Max retries|Connection (refused|aborted|reset)|Network is unreachable/i;
const FULL = /No space left on device|Errno 28|not enough space|Disk quota exceeded/i;

function describeFailures({ pip, requirement }: Download, failures: readonly string[]): Error {
  const all = failures.join("\n");
  const who = `${pip.command.join(" ")} (${pip.version})`;
  if (FULL.test(all))
    return refusal(
      `${who} could not store ${requirement}: the disk is full; nothing was installed; free some space, or set ${CACHE_VARIABLE} to a folder on a larger disk`,
    );
  if (OFFLINE.test(all))
    return refusal(
      `${who} could not download ${requirement}: no connection to its package index (${reasonOffline(all)}); check the network and pip's settings (pip config list), then run the command again`,
    );
  if (NOT_FOUND.test(all)) return notFound(who, requirement, all);
  return refusal(
    `${who} could not download ${requirement}: ${lastError(all)}; run the command again, or set ${VARIABLE} to a library you have`,
  );
}

/** `Name or service not known`. */
function reasonOffline(output: string): string {
  return /\[Errno -?\d+\] ([\w ]+)/.exec(output)?.[1] ?? OFFLINE.exec(output)?.[0] ?? lastError(output);
}

function notFound(who: string, requirement: string, output: string): Error {
  const [name = requirement, wanted] = requirement.split("==");
  const listed = [...output.matchAll(/\(from versions: ([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(", "));
  const versions = [...new Set(listed)].filter((version) => /^\d+\.\d+/.test(version)).sort(compareVersions);
  const system = `${process.platform} ${process.arch}`;
  if (versions.length === 0)
    return refusal(`${who} finds no wheel of ${name} for ${system}; set ${VARIABLE} to a library built for it`);
  const near = wanted === undefined ? versions.slice(-3) : nearest(versions, wanted);
  return refusal(`${who} finds no ${requirement} for ${system}; the nearest versions it has: ${near.join(", ")}`);
}

/** Up to four released versions around the wanted one, and the newest. */
function nearest(versions: readonly string[], wanted: string): string[] {
  const released = versions.filter((version) => /^[\d.]+(\.post\d+)?$/.test(version));
  const known = released.length > 0 ? released : [...versions];
  const above = known.findIndex((version) => compareVersions(version, wanted) > 0);
  const at = above < 0 ? known.length : above;
  return [...new Set([...known.slice(Math.max(0, at - 2), at + 2), known.at(-1) as string])];
}

/** The last line in which pip, or what starts it, says what is wrong. */
function lastError(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  const line =
    lines.findLast((candidate) => SAYS_WHY.test(candidate)) ?? lines.findLast((candidate) => candidate !== "");
  return (line ?? "it said nothing").replace(/^(error|warning): /i, "").slice(0, 300);
}

const SAYS_WHY = /^(error|warning|[\w.]*Error)\b|No module named/i;
