#!/usr/bin/env node
/**
 * Installs everything the checkout needs, inside the checkout: the pinned pnpm under `.tools/`, then the locked
 * dependencies. Needs Node and npm only. A second call sees from a stamp that nothing changed and returns at once.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pnpmVersion = manifest.packageManager.split("@")[1];
const pnpmHome = join(root, ".tools", `pnpm-${pnpmVersion}`);
const pnpmScript = join(pnpmHome, "node_modules", "pnpm", "bin", "pnpm.cjs");
const retry = "check the network and run the command again";
const stampFile = join(root, "node_modules", ".bootstrap-stamp");

/** Thrown for what the user can mend: one line, printed without a stack trace. */
export class BootstrapError extends Error {}

/** The environment for the workspace's tools: pnpm and the local binaries on PATH, nx without daemon, cloud or UI. */
export function environment(extra = {}) {
  const bins = [join(root, "node_modules", ".bin"), join(pnpmHome, "node_modules", ".bin")];
  const pathName = Object.keys(process.env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  return {
    ...process.env,
    [pathName]: [...bins, process.env[pathName]].join(delimiter),
    NX_DAEMON: "false",
    NX_NO_CLOUD: "true",
    NX_TUI: "false",
    DO_NOT_TRACK: "1",
    ...extra,
  };
}

/** Runs the pinned pnpm and returns what `spawnSync` says. */
export function pnpm(args, options = {}) {
  return spawnSync(process.execPath, [pnpmScript, ...args], { cwd: root, env: environment(), ...options });
}

/** Installs pnpm and the locked dependencies unless that is done. Throws BootstrapError. */
export function bootstrap() {
  requireNode(process.versions.node);
  const stamp = currentStamp();
  if (isInstalled(stamp)) return;
  const env = environment(networkSettings());
  if (!existsSync(pnpmScript)) installPnpm(env);
  installDependencies(env);
  writeFileSync(stampFile, stamp);
}

/** Throws BootstrapError when `version` is older than what package.json asks for. */
export function requireNode(version) {
  const wanted = manifest.engines.node.replace(">=", "");
  const [major, minor] = version.split(".").map(Number);
  const [wantedMajor, wantedMinor] = wanted.split(".").map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new BootstrapError(
    `latentkit needs Node ${wanted} or newer, this is ${version}; install it from https://nodejs.org`,
  );
}

/** A hash of all that decides what gets installed. */
function currentStamp() {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${pnpmVersion}`);
  const manifests = packageFolders().map((folder) => join(folder, "package.json"));
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ...manifests]) {
    hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

/** The workspace's packages as `packages/<name>`, sorted. */
export function packageFolders() {
  const names = readdirSync(join(root, "packages")).sort();
  return names.map((name) => join("packages", name)).filter((folder) => existsSync(join(root, folder, "package.json")));
}

function isInstalled(stamp) {
  if (!existsSync(stampFile) || !existsSync(pnpmScript)) return false;
  if (readFileSync(stampFile, "utf8") !== stamp) return false;
  return packageFolders().every((folder) => existsSync(join(root, folder, "node_modules")));
}

function installPnpm(env) {
  process.stderr.write(`bootstrap: pnpm ${pnpmVersion} into .tools/\n`);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save", "--loglevel=error"];
  const result = npm(["install", "--prefix", pnpmHome, ...flags, `pnpm@${pnpmVersion}`], env);
  if (result.status === 0 && existsSync(pnpmScript)) return;
  const said = reason(result, /^npm (?:error|ERR!) (?!code|errno|syscall|path|A complete)/);
  throw new BootstrapError(`npm could not install pnpm ${pnpmVersion}: ${said}; ${retry}`);
}

function installDependencies(env) {
  process.stderr.write("bootstrap: the locked dependencies, about 300 MB\n");
  const flags = ["--frozen-lockfile", "--prod=false", "--config.confirmModulesPurge=false", "--reporter=append-only"];
  const result = pnpm(["install", ...flags], { env, encoding: "utf8" });
  if (result.status === 0) return;
  const said = reason(result, /^(?:ERR_PNPM\S*|E[A-Z]{5,})\s+/);
  const relock = `run \`npx pnpm@${pnpmVersion} install\` and commit pnpm-lock.yaml`;
  throw new BootstrapError(
    `pnpm could not install the dependencies: ${said}; ${said.includes("frozen-lockfile") ? relock : retry}`,
  );
}

/** npm's own settings that a company's network needs and that pnpm would not find in npm's global file. */
function networkSettings() {
  const listed = npm(["config", "list", "--json"], process.env);
  if (listed.status !== 0) {
    throw new BootstrapError("npm is missing or does not start; install it with Node from https://nodejs.org");
  }
  const settings = JSON.parse(listed.stdout);
  const names = ["cafile", "proxy", "https-proxy", "registry"];
  const present = names.filter((name) => typeof settings[name] === "string");
  return Object.fromEntries(present.map((name) => [`npm_config_${name.replace("-", "_")}`, settings[name]]));
}

function npm(args, env) {
  const script = process.env.npm_execpath;
  const options = { cwd: root, env, encoding: "utf8" };
  if (script && basename(script).startsWith("npm-cli")) return spawnSync(process.execPath, [script, ...args], options);
  return spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
}

/** The first line of a failed command's output that says why. */
function reason(result, pattern) {
  const lines = `${result.stderr ?? ""}\n${result.stdout ?? ""}`.split("\n").map((line) => line.trim());
  const line = lines.find((candidate) => pattern.test(candidate) && candidate.replace(pattern, "") !== "");
  return line?.replace(pattern, "").replace(/[.;]$/, "") ?? result.error?.message ?? `exit code ${result.status}`;
}

/** Runs a script's main function and turns a BootstrapError into its one line and exit code 1. */
export async function main(run) {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    process.stderr.write(`bootstrap: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/** Whether the script with this `import.meta.url` is the one that node was started with. */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);
}

if (isMain(import.meta.url)) await main(bootstrap);
