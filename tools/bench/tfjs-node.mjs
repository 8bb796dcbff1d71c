#!/usr/bin/env node
/**
 * Prepares eager @tensorflow/tfjs-node on a modern libtensorflow in the checkout's `.cache/tfjs-node`, and prints that folder:
 *
 *     export LATENTKIT_TFJS_NODE=$(node tools/bench/tfjs-node.mjs)
 *
 * The package comes from npm, the library from the wheel `tensorflow-cpu` (the machine's own pip downloads it), and the package's addon is
 * compiled against both by g++ (or what CXX names): it is N-API and uses the C API only, so it needs no change. Linux on x64.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { torchPython } from "./python.mjs";

const VERSIONS = { tfjs: "4.22.0", tensorflow: "2.21.0", headers: "1" };
const NAPI = 8; // of the folder in which tfjs-node looks for its addon
const stdio = ["ignore", 2, 2]; // standard output carries the path only
const python = torchPython() ?? "python3";

/** What the addon needs of a wheel: two libraries and the headers. */
const EXTRACT = `
import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
keep = [n for n in wheel.namelist() if n.startswith("tensorflow/include/") or n.startswith("tensorflow/libtensorflow")]
wheel.extractall(sys.argv[2], keep)
`;

/** Makes `tensorflow/` in the folder from the wheel. */
function fetchLibrary(folder) {
  if (existsSync(join(folder, "tensorflow", "libtensorflow_cc.so.2"))) return;
  const wheels = join(folder, "wheel");
  const wheel = ["--no-deps", "--only-binary=:all:", `tensorflow-cpu==${VERSIONS.tensorflow}`];
  execFileSync(python, ["-m", "pip", "download", "--quiet", ...wheel, "-d", wheels], { stdio });
  execFileSync(python, ["-c", EXTRACT, join(wheels, readdirSync(wheels)[0]), folder], { stdio });
  rmSync(wheels, { recursive: true });
}

/** Puts library and headers where tfjs-node's addon looks for them, and compiles it. */
function compileAddon(folder) {
  const home = join(folder, "node_modules", "@tensorflow", "tfjs-node");
  const [library, headers] = [join(home, "deps", "lib"), join(home, "deps", "include")];
  rmSync(join(home, "deps"), { recursive: true, force: true });
  mkdirSync(library, { recursive: true });
  const wheel = join(folder, "tensorflow");
  symlinkSync(join(wheel, "include"), headers);
  for (const [name, file] of [
    ["libtensorflow.so", "libtensorflow_cc.so.2"],
    ["libtensorflow_cc.so.2", "libtensorflow_cc.so.2"],
    ["libtensorflow_framework.so", "libtensorflow_framework.so.2"],
    ["libtensorflow_framework.so.2", "libtensorflow_framework.so.2"],
  ])
    symlinkSync(join(wheel, file), join(library, name));
  const addon = join(home, "lib", `napi-v${NAPI}`);
  mkdirSync(addon, { recursive: true });
  const sources = ["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(home, "binding", name));
  const nodeHeaders = join(folder, "node_modules", "node-api-headers", "include");
  const flags = ["-O2", "-std=c++17", "-fPIC", "-shared", `-DNAPI_VERSION=${NAPI}`];
  const include = [home, headers, nodeHeaders].map((path) => `-I${path}`);
  const link = [`-L${library}`, "-ltensorflow", "-ltensorflow_framework", "-Wl,-rpath,$ORIGIN/../../deps/lib"];
  execFileSync(
    process.env.CXX ?? "g++",
    [...flags, ...include, ...sources, ...link, "-o", join(addon, "tfjs_binding.node")],
    { stdio },
  );
}

function prepare() {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Error(`tfjs-node.mjs prepares linux on x64 only, this is ${process.platform} on ${process.arch}`);
  const folder = fileURLToPath(new URL("../../.cache/tfjs-node", import.meta.url));
  if (existsSync(join(folder, "ready"))) return folder;
  mkdirSync(folder, { recursive: true });
  console.error("preparing @tensorflow/tfjs-node in .cache/tfjs-node …");
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const packages = [`@tensorflow/tfjs-node@${VERSIONS.tfjs}`, `node-api-headers@${VERSIONS.headers}`];
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", ...packages], {
    cwd: folder,
    stdio,
  });
  fetchLibrary(folder);
  compileAddon(folder);
  createRequire(join(folder, "package.json"))("@tensorflow/tfjs-node"); // throws when anything is missing
  writeFileSync(join(folder, "ready"), "");
  return folder;
}

console.log(prepare());
