import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  cacheFolder,
  DOWNLOADS,
  type Installed,
  installName,
  installRoot,
  LOCK,
  MANIFEST,
  type Manifest,
  readInstalled,
  thisPlatform,
  type Variant,
  WORK,
} from "./cache.js";
import { downloadAll } from "./download.js";
import { loadReport } from "./load-check.js";
import { withLock } from "./lock.js";
import { findPip } from "./pip.js";
import type { SetupProgress } from "./progress.js";
import { inCache, refusal, VARIABLE } from "./refusal.js";
import { isMainLibrary, unpack } from "./unpack.js";
import { type Extracted, synced } from "./wheel.js";

/** The version that is installed when none is named: the newest this package is tested with. */
const DEFAULT_VERSION = "2.21.0";

/** Settings of {@link setupTensorflow}. */
export interface SetupOptions {
  /** Of TensorFlow; 2.21.0 when absent. */
  readonly version?: string | undefined;
  /** With CUDA and cuDNN beside the library: for NVIDIA GPUs, Linux on x64, some gigabytes. */
  readonly gpu?: boolean;
  readonly onProgress?: (progress: SetupProgress) => void;
  /** Stops it; what arrived is kept for the next attempt. */
  readonly signal?: AbortSignal;
}

/** What {@link setupTensorflow} did. */
export interface SetupResult {
  /** The library. */
  readonly path: string;
  readonly folder: string;
  readonly version: string;
  readonly variant: Variant;
  readonly bytes: number;
  /** It was there before; nothing was downloaded. */
  readonly already: boolean;
  /** What downloaded it: `pip 26.3`. */
  readonly by?: string;
  /** An NVIDIA driver is installed here. */
  readonly driver: boolean;
}

/**
 * Installs TensorFlow's C library in the user's cache: the machine's own pip (or uv) downloads the official wheel, and only the library, its
 * licences and, with `gpu`, CUDA's libraries are kept. It is loaded once in a child process before it counts as installed. A process that is
 * killed on the way leaves nothing that `findLibrary` would find; wheels that arrived are kept for the next attempt until one succeeds.
 *
 * @throws UserError saying what failed and what to do.
 */
export async function setupTensorflow(options: SetupOptions = {}): Promise<SetupResult> {
  const { version = DEFAULT_VERSION, gpu = false } = options;
  checkOptions(version, gpu);
  const variant = gpu ? "gpu" : "cpu";
  const root = installRoot();
  const folder = join(root, installName(version, variant));
  return inCache(cacheFolder(), async () => {
    const before = readInstalled(folder);
    if (before !== undefined) return alreadyThere(before);
    await makeFolder(root);
    return withLock(join(root, LOCK), async () => {
      const meanwhile = readInstalled(folder);
      return meanwhile === undefined ? install(folder, version, variant, options) : alreadyThere(meanwhile);
    });
  });
}

function checkOptions(version: string, gpu: boolean): void {
  if (!/^\d+\.\d+\.\d+((a|b|rc)\d+)?(\.post\d+)?$/.test(version))
    throw refusal(`version must be one of TensorFlow's, such as ${DEFAULT_VERSION}, got "${version}"`);
  if (process.platform === "win32")
    throw refusal(
      `the wheels for Windows hold no library that works without Python; use WSL 2, set ${VARIABLE} to the tensorflow.dll of ` +
        "https://www.tensorflow.org/install/lang_c, or npm install @tensorflow/tfjs-node",
    );
  if (gpu && thisPlatform() !== "linux-x64")
    throw refusal(`gpu needs Linux on x64, this is ${process.platform} on ${process.arch}; install without it`);
}

/** Loads what was installed before: it may have been for another processor. */
async function alreadyThere(installed: Installed): Promise<SetupResult> {
  const { driver } = await loadReport(join(installed.folder, installed.manifest.library));
  return { ...describe(installed), already: true, driver };
}

function describe({ folder, manifest }: Installed): Omit<SetupResult, "already" | "driver"> {
  const { version, variant, library, files } = manifest;
  return {
    path: join(folder, library),
    folder,
    version,
    variant,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

async function install(folder: string, version: string, variant: Variant, watch: SetupOptions): Promise<SetupResult> {
  const root = dirname(folder);
  const downloads = join(root, DOWNLOADS, basename(folder));
  const work = join(root, WORK);
  await rm(work, { recursive: true, force: true }); // of a process that was killed
  await rm(folder, { recursive: true, force: true }); // it is there but not whole
  await mkdir(work);
  try {
    const pip = await findPip();
    const wheels = await downloadAll(pip, { version, variant, downloads, scratch: join(work, "pip") }, watch);
    const tree = join(work, "tree");
    const manifest = await writeManifest(tree, version, variant, await unpack(wheels, tree, watch));
    watch.onProgress?.({ stage: "check", what: basename(manifest.library), bytes: 0 });
    const { driver } = await loadReport(join(tree, manifest.library));
    await rename(tree, folder);
    await synced(root);
    await rm(downloads, { recursive: true, force: true });
    return { ...describe({ folder, manifest }), already: false, by: pip.version, driver };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function writeManifest(tree: string, version: string, variant: Variant, files: Extracted[]): Promise<Manifest> {
  const library = files.find(({ path }) => isMainLibrary(path))?.path as string;
  const installed = new Date().toISOString();
  const manifest: Manifest = { format: 1, version, variant, platform: thisPlatform(), library, files, installed };
  const file = join(tree, MANIFEST);
  await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
  await synced(file);
  await synced(tree);
  return manifest;
}

/** Not Node's recursive `mkdir`, which never returns where nothing can be made, as in Linux's /proc. */
async function makeFolder(path: string): Promise<void> {
  if (existsSync(path)) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
