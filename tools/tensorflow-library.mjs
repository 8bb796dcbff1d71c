#!/usr/bin/env node
/**
 * TensorFlow's C library for the tests, kept in the checkout's `.cache` unless LATENTKIT_CACHE says otherwise. As a script it prints which one
 * is found: a part of what nx takes for the inputs of tests.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { isMain, root } from "./bootstrap.mjs";

/** Variables of the tests: where the library is. */
export function libraryEnvironment() {
  return { LATENTKIT_CACHE: process.env.LATENTKIT_CACHE || join(root, ".cache", "latentkit") };
}

/**
 * Installs the library as a user would, with the built command; a second call finds it. Without it the tests that need it are skipped, with
 * the reason, on a developer's machine; in CI (`CI` is set) that is a failure.
 *
 * @returns An exit code.
 */
export function installLibrary() {
  if (process.env.LATENTKIT_LIBTENSORFLOW) {
    process.stdout.write(`LATENTKIT_LIBTENSORFLOW=${process.env.LATENTKIT_LIBTENSORFLOW} is used\n`);
    return 0;
  }
  const cli = join(root, "packages", "cli", "bin", "latentkit.js");
  const env = { ...process.env, ...libraryEnvironment() };
  const { status } = spawnSync(process.execPath, [cli, "setup", "tensorflow"], { cwd: root, env, stdio: "inherit" });
  if (status === 0 || process.env.CI) return status ?? 1;
  process.stdout.write("tests of the tensorflow engine are skipped: its library could not be installed, see above\n");
  return 0;
}

if (isMain(import.meta.url)) {
  Object.assign(process.env, libraryEnvironment());
  const engine = await import("@latentkit/engine-tensorflow").catch(() => undefined); // not built yet
  process.stdout.write(`${JSON.stringify(engine?.findLibrary() ?? "none")}\n`);
}
