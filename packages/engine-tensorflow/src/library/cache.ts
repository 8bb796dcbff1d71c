import { readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** What is in an installed folder; written last, so its presence says that the rest is whole. */
export interface Manifest {
  readonly format: 1;
  /** Of TensorFlow, `2.21.0`. */
  readonly version: string;
  readonly variant: Variant;
  /** Node's names: `linux-x64`. */
  readonly platform: string;
  /** Path of the library inside the folder. */
  readonly library: string;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  /** ISO 8601. */
  readonly installed: string;
}

/** `gpu`: with the CUDA libraries beside it. */
export type Variant = "cpu" | "gpu";

/** An installation in the cache. */
export interface Installed {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Name of the file that makes a folder an installation. */
export const MANIFEST = "manifest.json";
/** Names beside the installations, hidden: the lock, wheels that arrived, and what is being put together. */
export const [LOCK, DOWNLOADS, WORK] = [".lock", ".download", ".work"] as const;

/**
 * The user's cache of latentkit: `LATENTKIT_CACHE`, or the platform's folder for caches.
 * https://specifications.freedesktop.org/basedir-spec/latest
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  if (env.LATENTKIT_CACHE) return resolve(env.LATENTKIT_CACHE);
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "latentkit");
  if (platform === "win32") return join(env.LOCALAPPDATA || join(homedir(), "AppData", "Local"), "latentkit", "Cache");
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "latentkit");
}

/** Where installations of TensorFlow lie, a folder each. */
export function installRoot(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), "tensorflow");
}

/** A home folder may serve several machines, so the platform is part of the name: `2.21.0-cpu-linux-x64`. */
export function installName(version: string, variant: Variant): string {
  return `${version}-${variant}-${thisPlatform()}`;
}

/** `linux-x64`. */
export const thisPlatform = (): string => `${process.platform}-${process.arch}`;

/** The complete installations that this machine can use: those for GPUs first, then the newest. */
export function installations(env: NodeJS.ProcessEnv = process.env): Installed[] {
  const root = installRoot(env);
  const found = namesIn(root).flatMap((name) => readInstalled(join(root, name)) ?? []);
  return found
    .filter(({ manifest }) => manifest.platform === thisPlatform())
    .sort((a, b) => byVariant(a.manifest, b.manifest) || compareVersions(b.manifest.version, a.manifest.version));
}

const byVariant = (a: Manifest, b: Manifest): number => Number(b.variant === "gpu") - Number(a.variant === "gpu");

/** The installation in a folder; undefined unless every file is there with its size. */
export function readInstalled(folder: string): Installed | undefined {
  const manifest = readManifest(join(folder, MANIFEST));
  if (manifest === undefined) return undefined;
  const whole = manifest.files.every(
    ({ path, bytes }) => statSync(join(folder, path), { throwIfNoEntry: false })?.size === bytes,
  );
  return whole ? { folder, manifest } : undefined;
}

function readManifest(path: string): Manifest | undefined {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as Manifest;
    return value.format === 1 && Array.isArray(value.files) && typeof value.library === "string" ? value : undefined;
  } catch {
    return undefined; // none, or not ours
  }
}

/** Names in a folder; none when it does not exist. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Orders `2.9.1` before `2.21.0`, and `2.21.0rc1` before `2.21.0`. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string) => /^(\d+)\.(\d+)(?:\.(\d+))?(.*)$/.exec(version)?.slice(1) ?? [];
  const [left, right] = [parts(a), parts(b)];
  for (const i of [0, 1, 2]) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return rank(left[3]) - rank(right[3]) || ((left[3] ?? "") < (right[3] ?? "") ? -1 : Number(left[3] !== right[3]));
}

/** Candidates come before their release, corrections after it. */
const rank = (suffix = ""): number => (suffix === "" ? 1 : suffix.startsWith(".post") ? 2 : 0);
