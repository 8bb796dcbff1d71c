#!/usr/bin/env node
/** Bootstraps the checkout, then runs nx with the given arguments. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { bootstrap, environment, isMain, main, root } from "./bootstrap.mjs";

/** Runs a command of the workspace at its root with output on the terminal; gives its exit code. */
export function run(command, ...args) {
  const shell = process.platform === "win32" && command !== process.execPath;
  const child = spawn(command, args, { cwd: root, env: environment(), stdio: "inherit", shell });
  return new Promise((resolve) => child.on("error", () => resolve(1)).on("close", (code) => resolve(code ?? 1)));
}

/** Runs nx in the workspace; gives its exit code. */
export const nx = (args) => run(process.execPath, createRequire(import.meta.url).resolve("nx/bin/nx.js"), ...args);

if (isMain(import.meta.url)) {
  await main(async () => {
    bootstrap();
    process.exitCode = await nx(process.argv.slice(2));
  });
}
