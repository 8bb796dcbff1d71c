#!/usr/bin/env node
/** Bootstraps the checkout, then runs nx with the given arguments. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { bootstrap, environment, isMain, main, root } from "./bootstrap.mjs";

/** Runs nx in the workspace with its output on the terminal; returns its exit code. */
export function nx(args) {
  const script = createRequire(import.meta.url).resolve("nx/bin/nx.js");
  const result = spawnSync(process.execPath, [script, ...args], { cwd: root, env: environment(), stdio: "inherit" });
  return result.status ?? 1;
}

if (isMain(import.meta.url)) {
  await main(() => {
    bootstrap();
    process.exitCode = nx(process.argv.slice(2));
  });
}
