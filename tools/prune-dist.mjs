#!/usr/bin/env node
/** Removes from ./dist what no source file in ./src stands behind any more, so that a renamed file is never published. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const compiled = /\.(?:d\.ts|js)(?:\.map)?$/;

for (const file of readdirSync("dist", { recursive: true })) {
  if (compiled.test(file) && !existsSync(join("src", file.replace(compiled, ".ts")))) rmSync(join("dist", file));
}
