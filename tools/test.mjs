#!/usr/bin/env node
/**
 * The whole check, stage by stage: `npm test`. Every stage runs even when an earlier one failed, so that one call
 * tells everything. The last line is `N passed, N failed`, counted from vitest's JSON reports; the exit code is 1 when
 * any stage failed. `npm test -- --no-cache` runs again what nx would replay from its cache.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { bootstrap, main, packageFolders, root } from "./bootstrap.mjs";
import { nx, run } from "./nx.mjs";
import { installLibrary, libraryEnvironment } from "./tensorflow-library.mjs";
import { countTests } from "./test-report.mjs";

Object.assign(process.env, libraryEnvironment()); // for the tests and what they start

const reports = join(root, ".reports");
const fresh = process.argv.includes("--no-cache") ? ["--skipNxCache"] : [];

const each = (target, ...args) => nx(["run-many", "-t", target, "--outputStyle=stream", ...fresh, ...args]);
const tests = (...args) => each("test", "--nxBail=false", "--excludeTaskDependencies", ...args); // they were built before
const toolTests = () =>
  run(
    ...["vitest", "run", "tools/", "--maxWorkers=2"],
    ...["--reporter=default", "--reporter=json", "--outputFile.json=.reports/tools.json"],
  );

/** Name and body of each stage; a body gives an exit code. */
const stages = [
  ["lint", () => run("biome", "ci", "--error-on-warnings", ".")],
  ["build", () => each("build")],
  ["TensorFlow's library", installLibrary],
  ["types", () => each("typecheck")],
  ["unused code", () => run("knip", "--no-config-hints")],
  ["packed packages", () => each("test:package")],
];

/**
 * The stages of the tests, in two lanes side by side: nx alone would test the command line last, since nothing depends on it, and leave cores
 * idle. Two packages are tested at a time even on two cores, since some tests wait: for a disk, a timer, memory.
 */
const lanes = [
  [
    ["tests of the command line", () => tests("--projects=@latentkit/cli")],
    ["tests of the tools", toolTests],
  ],
  [["tests of the packages", () => tests("--exclude=@latentkit/cli", "--parallel=2")]],
];

await main(async () => {
  const timings = [await timed("bootstrap", () => bootstrap() ?? 0)];
  rmSync(reports, { recursive: true, force: true });
  const runStages = async (some) => {
    for (const [name, body] of some) timings.push(await timed(name, body));
  };
  await runStages(stages);
  await Promise.all(lanes.map(runStages));
  const expected = [...packageFolders().map((folder) => folder.replace("packages", "@latentkit")), "tools"];
  const count = countTests(reports, expected);
  const testsFailed = timings.some((stage) => stage.status !== 0 && stage.name.startsWith("tests"));
  report(timings, count);
  if (testsFailed && count.failed === 0) count.failed = 1; // an unhandled error outside any test
  process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`);
  process.exitCode = count.failed > 0 || timings.some((stage) => stage.status !== 0) ? 1 : 0;
});

async function timed(name, body) {
  process.stdout.write(`\n== ${name}\n`);
  const start = performance.now();
  const status = await body();
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
