#!/usr/bin/env node
import { existsSync } from "node:fs";

const cli = new URL("../dist/cli.js", import.meta.url);
if (existsSync(cli)) {
  await import(cli.href);
} else {
  process.stderr.write("@latentkit/cli: dist/cli.js is missing; run `npm run build` at the repository root first\n");
  process.exitCode = 1;
}
