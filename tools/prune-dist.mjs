#!/usr/bin/env node
/** Removes from ./dist what no source file in ./src stands behind any more, so that a renamed file is never published. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const compiled = /\.(?:d\.ts|js)(?:\.map)?$/;

for (const file of readdirSync("dist", { recursive: true })) {
  const hasSource = [".ts", ".js"].some((ending) => existsSync(join("src", file.replace(compiled, ending))));
  if (compiled.test(file) && !hasSource) rmSync(join("dist", file));
}
