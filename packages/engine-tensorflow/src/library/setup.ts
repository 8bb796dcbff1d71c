import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, statfs, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  cacheFolder,
  type Installed,
  installName,
  installRoot,
  MANIFEST,
  type Manifest,
  namesIn,
  readInstalled,
  thisPlatform,
  type Variant,
} from "./cache.js";
import { loadReport } from "./load-check.js";
import { withLock } from "./lock.js";
import { downloadWheel, findPip, type Pip } from "./pip.js";
import { CACHE_VARIABLE, inCache, refusal, VARIABLE } from "./refusal.js";
import { DamagedWheelError, type Extracted, requirementsOf, synced, Wheel } from "./wheel.js";

/** The version that is installed when none is named; the newest this package is tested with. */
export const DEFAULT_VERSION = "2.21.0";

/** Settings of {@link setupTensorflow}. */
export interface SetupOptions {
  /** Of TensorFlow, `2.21.0` when absent. */
  readonly version?: string;
  /** With CUDA and cuDNN beside the library, about 3 GB: Linux on x64 with an NVIDIA GPU. */
  readonly gpu?: boolean;
  readonly onProgress?: (progress: SetupProgress) => void;
  readonly signal?: AbortSignal;
}

/** How far an installation is. */
export interface SetupProgress {
  readonly stage: "download" | "unpack" | "check";
  /** What it is at: the name of a package or file. */
  readonly what: string;
  readonly bytes: number;
  readonly total?: number | undefined;
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
  /** Who downloaded it: `pip 26.3`. */
  readonly by?: string;
  /** An NVIDIA driver is installed here. */
  readonly driver: boolean;
}

/** Hidden names in the folder of installations: never found as one, and deleted when left over. */
const [LOCK, DOWNLOADS, WORK] = [".lock", ".download", ".work"];

/**
 * Installs TensorFlow's C library in the user's cache: the machine's own pip (or uv) downloads the official wheel, and only the library, its
 * licences and, with `gpu`, CUDA's libraries are kept. It is loaded once in a child process before it counts as installed; a process that is
 * killed on the way leaves nothing that `findLibrary` would find. Wheels that arrived are kept for the next attempt until one succeeds.
 *
 * @throws UserError saying what failed and what to do.
 */
export async function setupTensorflow(options: SetupOptions = {}): Promise<SetupResult> {
  const { version = DEFAULT_VERSION, gpu = false } = options;
  checkOptions(version, gpu);
  const root = installRoot();
  const folder = join(root, installName(version, gpu ? "gpu" : "cpu"));
  return inCache(cacheFolder(), async () => {
    const before = readInstalled(folder);
    if (before !== undefined) return resultOf(before, true);
    await makeFolder(root);
    return withLock(join(root, LOCK), async () => {
      const meanwhile = readInstalled(folder);
      if (meanwhile !== undefined) return resultOf(meanwhile, true);
      return install(folder, version, gpu ? "gpu" : "cpu", options);
    });
  });
}

function checkOptions(version: string, gpu: boolean): void {
  if (!/^\d+\.\d+\.\d+((a|b|rc)\d+)?(\.post\d+)?$/.test(version))
    throw refusal(`version must be one of TensorFlow's, such as ${DEFAULT_VERSION}, got "${version}"`);
  if (process.platform === "win32")
    throw refusal(
      `the wheels for Windows hold no C library that works without Python; use WSL 2, or set ${VARIABLE} to the tensorflow.dll of ` +
        "https://www.tensorflow.org/install/lang_c, or npm install @tensorflow/tfjs-node",
    );
  if (gpu && thisPlatform() !== "linux-x64")
    throw refusal(`gpu needs Linux on x64, this is ${process.platform} on ${process.arch}; install without it`);
}

async function resultOf({ folder, manifest }: Installed, already: boolean, by?: string): Promise<SetupResult> {
  const path = join(folder, manifest.library);
  const { version, driver } = await loadReport(path);
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  return {
    path,
    folder,
    version,
    variant: manifest.variant,
    bytes,
    already,
    driver,
    ...(by === undefined ? {} : { by }),
  };
}

async function install(folder: string, version: string, variant: Variant, options: SetupOptions): Promise<SetupResult> {
  const root = dirname(folder);
  const downloads = join(root, DOWNLOADS, basename(folder));
  const work = join(root, WORK);
  await rm(work, { recursive: true, force: true }); // of a process that was killed
  await rm(folder, { recursive: true, force: true }); // it is there but not whole
  await mkdir(work);
  try {
    const pip = await findPip();
    const wheels = await download(pip, version, variant, downloads, join(work, "pip"), options);
    const tree = join(work, "tree");
    const files = await unpack(wheels, tree, options);
    const manifest = await writeManifest(tree, version, variant, files);
    options.onProgress?.({ stage: "check", what: basename(manifest.library), bytes: 0 });
    await loadReport(join(tree, manifest.library));
    await rename(tree, folder);
    await synced(root);
    await rm(downloads, { recursive: true, force: true });
    return resultOf({ folder, manifest }, false, pip.version);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The wheel of TensorFlow, and those of CUDA that it asks for. */
async function download(
  pip: Pip,
  version: string,
  variant: Variant,
  downloads: string,
  scratch: string,
  { onProgress, signal }: SetupOptions,
): Promise<string[]> {
  const one = (requirement: string) => {
    const what = requirement.replace(/[<>=!~[].*/, "");
    return downloadWheel({
      pip,
      requirement,
      folder: join(downloads, what),
      scratch: join(scratch, what),
      signal,
      onBytes: (bytes, total) => onProgress?.({ stage: "download", what, bytes, total }),
    });
  };
  const main = await one(`${packageName(variant)}==${version}`);
  const wheels = [main];
  if (variant === "gpu") {
    for (const requirement of requirementsOf(await metadata(main), "and-cuda")) wheels.push(await one(requirement));
    if (wheels.length === 1)
      throw refusal(
        `tensorflow ${version} does not say which CUDA packages it needs (before 2.14 it did not); choose a newer --version`,
      );
  }
  return wheels;
}

/** tensorflow-cpu is the smaller one, and there is none for other platforms. */
function packageName(variant: Variant): string {
  return variant === "cpu" && thisPlatform() === "linux-x64" ? "tensorflow-cpu" : "tensorflow";
}

async function metadata(path: string): Promise<string> {
  return withWheel(path, (wheel) => wheel.info("METADATA"));
}

/** A damaged wheel is deleted: it would be found damaged again. */
async function withWheel<T>(path: string, work: (wheel: Wheel) => Promise<T>): Promise<T> {
  let wheel: Wheel | undefined;
  try {
    wheel = await Wheel.open(path);
    return await work(wheel);
  } catch (error) {
    if (!(error instanceof DamagedWheelError)) throw error;
    await rm(dirname(path), { recursive: true, force: true });
    throw refusal(
      `the downloaded ${basename(path)} is damaged (${error.message}); it was deleted: run the command again`,
      error,
    );
  } finally {
    wheel?.close();
  }
}

const LIBRARY = /^tensorflow\/libtensorflow_(cc|framework)(\.so\.2|\.2\.dylib)$/;
const LICENCE =
  /^(tensorflow\/(THIRD_PARTY_NOTICES\.txt|include\/LICENSE)|[^/]+\.dist-info\/(licenses\/.+|licen[sc]e[^/]*))$/i;
/** Libraries, `ptxas` and `libdevice`, which XLA calls to compile for GPUs; no headers, no Python. */
const CUDA = /^nvidia\/(?!.*(\/include\/|\.py$|\.pyc$|\.a$|\.h$))/;
const wanted = (path: string): boolean => LIBRARY.test(path) || LICENCE.test(path) || CUDA.test(path);

/** Takes what is needed out of the wheels, laid out as in a Python's packages: the library looks for CUDA at `../nvidia`. */
async function unpack(
  wheels: readonly string[],
  tree: string,
  { onProgress, signal }: SetupOptions,
): Promise<Extracted[]> {
  const lists = await mapInOrder(wheels, (path) => withWheel(path, async (wheel) => wheel.select(wanted)));
  const total = lists.flat().reduce((sum, { bytes }) => sum + bytes, 0);
  if (!lists.flat().some(({ path }) => path.includes("libtensorflow_cc")))
    throw refusal(
      `${basename(wheels[0] as string)} holds no libtensorflow_cc (wheels before 2.12 and some for other systems do not); choose another --version`,
    );
  await requireSpace(dirname(tree), total);
  let bytes = 0;
  const extracted = await mapInOrder(wheels, (path, i) =>
    withWheel(path, (wheel) => {
      const paths = (lists[i] ?? []).map((file) => file.path);
      return wheel.extract(paths, tree, (piece) => {
        signal?.throwIfAborted();
        bytes += piece;
        onProgress?.({ stage: "unpack", what: basename(path), bytes, total });
      });
    }),
  );
  return extracted.flat();
}

async function mapInOrder<T, R>(items: readonly T[], map: (item: T, i: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [i, item] of items.entries()) results.push(await map(item, i));
  return results;
}

/** @throws UserError before anything is written when the disk cannot hold it. */
async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  const [needed, free] = [bytes, bavail * bsize].map((value) => `${(value / 1e9).toFixed(2)} GB`);
  throw refusal(
    `the library needs ${needed} in ${cacheFolder()}, the disk has ${free} free; nothing was installed; free some space, or set ${CACHE_VARIABLE} to a folder on a larger disk`,
  );
}

async function writeManifest(tree: string, version: string, variant: Variant, files: Extracted[]): Promise<Manifest> {
  const library = files.find(({ path }) => path.includes("libtensorflow_cc"))?.path as string;
  const installed = new Date().toISOString();
  const manifest: Manifest = { format: 1, version, variant, platform: thisPlatform(), library, files, installed };
  const file = join(tree, MANIFEST);
  await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
  await synced(file);
  await synced(tree);
  return manifest;
}

/** What {@link removeTensorflow} deleted. */
export interface RemoveResult {
  /** The folder of installations. */
  readonly folder: string;
  /** `2.21.0-cpu-linux-x64`. */
  readonly removed: readonly string[];
}

/**
 * Deletes what {@link setupTensorflow} installed, downloads that wait for another attempt included.
 *
 * @param options.version Only the installations of this version.
 */
export async function removeTensorflow({ version }: { readonly version?: string } = {}): Promise<RemoveResult> {
  const root = installRoot();
  if (!existsSync(root)) return { folder: root, removed: [] };
  return inCache(cacheFolder(), () =>
    withLock(join(root, LOCK), async () => {
      const chosen = (name: string) => version === undefined || name.startsWith(`${version}-`);
      const removed = namesIn(root).filter((name) => !name.startsWith(".") && chosen(name));
      for (const name of removed) {
        await rename(join(root, name), join(root, WORK)); // first out of sight, then file by file
        await rm(join(root, WORK), { recursive: true, force: true });
      }
      for (const name of await readdir(join(root, DOWNLOADS)).catch(() => [])) {
        if (chosen(name)) await rm(join(root, DOWNLOADS, name), { recursive: true, force: true });
      }
      return { folder: root, removed };
    }),
  );
}

/** Not Node's recursive `mkdir`, which never returns where nothing can be made, as in Linux's /proc. */
async function makeFolder(path: string): Promise<void> {
  if (existsSync(path)) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
