#!/usr/bin/env node
/**
 * The whole check, stage by stage: `npm test`. Every stage runs even when an earlier one failed, so that one call
 * tells everything. The last line is `N passed, N failed`, counted from vitest's JSON reports; the exit code is 1 when
 * any stage failed. `npm test -- --no-cache` runs again what nx would replay from its cache.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { bootstrap, environment, main, packageFolders, root } from "./bootstrap.mjs";
import { nx } from "./nx.mjs";
import { installLibrary, libraryEnvironment } from "./tensorflow-library.mjs";
import { countTests } from "./test-report.mjs";

Object.assign(process.env, libraryEnvironment()); // for the tests and what they start

const reports = join(root, ".reports");
const fresh = process.argv.includes("--no-cache") ? ["--skipNxCache"] : [];

const run = (command, ...args) =>
  spawnSync(command, args, { cwd: root, env: environment(), stdio: "inherit", shell: process.platform === "win32" })
    .status ?? 1;
const each = (target, ...args) => nx(["run-many", "-t", target, "--outputStyle=stream", ...fresh, ...args]);
const toolTests = () =>
  run("vitest", "run", "tools/", "--reporter=default", "--reporter=json", "--outputFile.json=.reports/tools.json");

/** Name and body of each stage; a body returns an exit code. Two packages are tested at a time: the longest file of one would leave cores idle. */
const stages = [
  ["lint", () => run("biome", "ci", "--error-on-warnings", ".")],
  ["build", () => each("build")],
  ["TensorFlow's library", installLibrary],
  ["types", () => each("typecheck")],
  ["unused code", () => run("knip", "--no-config-hints")],
  ["packed packages", () => each("test:package")],
  ["tests", () => each("test", "--parallel=2", "--nxBail=false")],
  ["tests of the tools", toolTests],
];

await main(() => {
  const timings = [timed("bootstrap", () => bootstrap() ?? 0)];
  rmSync(reports, { recursive: true, force: true });
  for (const [name, body] of stages) timings.push(timed(name, body));
  const expected = [...packageFolders().map((folder) => folder.replace("packages", "@latentkit")), "tools"];
  const count = countTests(reports, expected);
  const testsFailed = timings.some((stage) => stage.status !== 0 && stage.name.startsWith("tests"));
  report(timings, count);
  if (testsFailed && count.failed === 0) count.failed = 1; // an unhandled error outside any test
  process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`);
  process.exitCode = count.failed > 0 || timings.some((stage) => stage.status !== 0) ? 1 : 0;
});

function timed(name, body) {
  process.stdout.write(`\n== ${name}\n`);
  const start = performance.now();
  const status = body();
  return { name, status, seconds: (performance.now() - start) / 1000 };
}

function report(timings, { skipped, problems }) {
  process.stdout.write("\n");
  for (const { name, status, seconds } of timings) {
    process.stdout.write(`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds.toFixed(1)} s)\n`);
  }
  for (const problem of problems) process.stdout.write(`FAILED ${problem}\n`);
  if (skipped > 0) process.stdout.write(`${skipped} skipped\n`);
}
