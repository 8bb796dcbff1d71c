#!/usr/bin/env node
/** Packs the package in the working folder and checks the tarball as its users get it: publint, then arethetypeswrong. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { environment, main, root } from "./bootstrap.mjs";
import { pack } from "./pack.mjs";

function run(command, args) {
  const shell = process.platform === "win32";
  return spawnSync(command, args, { env: environment(), stdio: "inherit", shell }).status ?? 1;
}

await main(() => {
  const folder = mkdtempSync(join(tmpdir(), "latentkit-pack-"));
  try {
    const tarball = pack(relative(root, process.cwd()), folder);
    const checks = [
      run("publint", ["run", tarball, "--strict"]),
      run("attw", [tarball, "--profile", "esm-only", "--format", "table-flipped"]),
    ];
    process.exitCode = checks.some((status) => status !== 0) ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
