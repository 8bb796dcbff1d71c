import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { compareVersions, installations, namesIn } from "./cache.js";
import { refusal, SETUP_COMMAND, VARIABLE } from "./refusal.js";

/** A C library of TensorFlow on this machine, not loaded yet. */
export interface FoundLibrary {
  /** The file to load: `libtensorflow_cc.so.2`, or `libtensorflow.so.2` of the C library's own releases. */
  readonly path: string;
  /** Who brought it: the variable, `latentkit setup tensorflow`, or the name of a package. */
  readonly origin: string;
  /** As its folder tells it, `2.21.0`; the library itself says more, `TF_Version()`. */
  readonly version?: string;
  /** Folder of the CUDA libraries that came with it: `nvidia`, with one folder a library. */
  readonly cuda?: string;
}

/** Their own library, 2.9 and older, has the same C API. */
const NODE_PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];

/**
 * TensorFlow's C library: the one `LATENTKIT_LIBTENSORFLOW` names; what `latentkit setup tensorflow` installed, for GPUs first, then the
 * newest; that of an installed `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`, seen from the working folder or from here.
 *
 * @returns undefined when there is none.
 * @throws UserError when the variable is set and leads to no library.
 */
export function findLibrary(env: NodeJS.ProcessEnv = process.env): FoundLibrary | undefined {
  return named(env) ?? installed(env) ?? NODE_PACKAGES.map(ofPackage).find((found) => found !== undefined);
}

function named(env: NodeJS.ProcessEnv): FoundLibrary | undefined {
  const value = env[VARIABLE];
  if (value === undefined || value === "") return undefined;
  const place = resolve(value);
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined) throw refuse(value, "does not exist");
  if (found.isFile()) return { path: place, origin: VARIABLE, ...cudaBeside(place) };
  const path = libraryBelow(place);
  if (path === undefined) throw refuse(value, `is a folder without ${libraryNames()[0]}`);
  return { path, origin: VARIABLE, ...cudaBeside(path) };
}

const refuse = (value: string, problem: string): Error =>
  refusal(
    `${VARIABLE}=${value} ${problem}; give the library's file or the folder that holds it, or unset the variable and run \`${SETUP_COMMAND}\``,
  );

function installed(env: NodeJS.ProcessEnv): FoundLibrary | undefined {
  const [best] = installations(env);
  if (best === undefined) return undefined;
  const path = join(best.folder, best.manifest.library);
  return { path, origin: SETUP_COMMAND, version: best.manifest.version, ...cudaBeside(path) };
}

/** The library that a package of tfjs downloaded when it was installed; its addon is not needed. */
function ofPackage(name: string): FoundLibrary | undefined {
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    const folder = packageFolder(name, from);
    const path = folder && libraryIn(join(folder, "deps", "lib"));
    if (path) return { path, origin: name, ...versionOf(path) };
  }
  return undefined;
}

function packageFolder(name: string, from: string): string | undefined {
  try {
    return dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    return undefined; // not installed, or not seen from there
  }
}

/** The folder itself, or those of a wheel, of a Python's packages, of the C library's archive. */
function libraryBelow(folder: string): string | undefined {
  for (const below of ["", "tensorflow", "lib", join("deps", "lib")]) {
    const path = libraryIn(join(folder, below));
    if (path !== undefined) return path;
  }
  return undefined;
}

/** A folder's library; the newest of several versions, the wheel's before the archive's. */
function libraryIn(folder: string): string | undefined {
  const names = namesIn(folder);
  for (const pattern of [wheelLibrary, archiveLibrary].map((of) => of())) {
    const versioned = names.filter((name) => pattern.test(name)).sort((a, b) => compareVersions(digits(b), digits(a)));
    const file = versioned.map((name) => join(folder, name)).find(isFile);
    if (file !== undefined) return file;
  }
  return undefined;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
const digits = (name: string): string => `${/\d+(\.\d+)*/.exec(name)?.[0] ?? "0"}.0.0`;

/** In Python's wheels; there is none in those for Windows. */
function wheelLibrary(): RegExp {
  return process.platform === "darwin" ? /^libtensorflow_cc(\.\d+)*\.dylib$/ : /^libtensorflow_cc\.so(\.\d+)*$/;
}

/** In the archives of the C library, which the packages of tfjs download. */
function archiveLibrary(): RegExp {
  if (process.platform === "win32") return /^tensorflow\.dll$/;
  return process.platform === "darwin" ? /^libtensorflow(\.\d+)*\.dylib$/ : /^libtensorflow\.so(\.\d+)*$/;
}

/** Names to look for, the usual ones. */
function libraryNames(): readonly string[] {
  if (process.platform === "win32") return ["tensorflow.dll"];
  if (process.platform === "darwin") return ["libtensorflow_cc.2.dylib", "libtensorflow.2.dylib"];
  return ["libtensorflow_cc.so.2", "libtensorflow.so.2"];
}

function versionOf(path: string): { version?: string } {
  const version = /\d+\.\d+\.\d+/.exec(basename(path))?.[0];
  return version === undefined ? {} : { version };
}

/** `nvidia` beside `tensorflow`, as in a Python's packages: the library looks for CUDA there, by its run path. */
function cudaBeside(path: string): { cuda?: string } {
  const cuda = join(dirname(path), "..", "nvidia");
  return statSync(cuda, { throwIfNoEntry: false })?.isDirectory() ? { cuda } : {};
}
