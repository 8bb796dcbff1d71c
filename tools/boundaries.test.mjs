/** Every boundary between packages is a lint rule in biome.json; each is proven here by a planted violation and its lawful twin. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");

/** File, what it may not import, what it may. */
const boundaries = [
  ["packages/jit/src/trace.ts", "@latentkit/core", "@tensorflow/tfjs-core"],
  ["packages/jit/src/trace.ts", "node:fs", "./graph.js"],
  ["packages/jit/src/trace.ts", "fs", "./graph.js"],
  ["packages/engine-onnx/src/lower.ts", "@latentkit/core", "@latentkit/jit"],
  ["packages/engine-onnx/src/lower.ts", "@latentkit/vae", "onnxruntime-node"],
  ["packages/engine-onnx/src/lower.ts", "node:path", "./lower/conv.js"],
  ["packages/engine-tensorflow/src/lowering/lower.ts", "node:fs", "../native/tensorflow.js"],
  ["packages/engine-tensorflow/src/library/find.ts", "@latentkit/core", "node:fs"],
  ["packages/engine-tensorflow/src/native/tensorflow.ts", "@latentkit/engine-onnx", "node:os"],
  ["packages/core/src/trainer.ts", "@latentkit/engine-onnx", "@latentkit/jit"],
  ["packages/core/src/trainer.ts", "@latentkit/vae", "./model.js"],
  ["packages/core/src/trainer.ts", "@latentkit/datasets", "./data.js"],
  ["packages/core/src/trainer.ts", "tsyringe", "./di.js"],
  ["packages/core/src/trainer.ts", "node:fs", "./checkpoint.js"],
  ["packages/core/src/optim/adam.ts", "node:crypto", "../trainer.js"],
  ["packages/core/src/di.ts", "@latentkit/jit", "tsyringe"],
  ["packages/core/src/node/index.ts", "@latentkit/vae", "node:fs"],
  ["packages/core/src/node/index.ts", "tsyringe", "node:path"],
  ["packages/core/src/trainer.ts", "../../jit/src/graph.js", "./graph.js"],
  ["packages/core/src/trainer.ts", "@latentkit/jit/src/graph.js", "@latentkit/jit"],
  ["packages/datasets/src/mnist.ts", "@latentkit/vae", "@latentkit/core"],
  ["packages/datasets/src/mnist.ts", "@latentkit/jit", "node:fs"],
  ["packages/evaluation-classifiers/src/weights.ts", "@latentkit/datasets", "node:fs"],
  ["packages/vae/src/model.ts", "@latentkit/gan", "@latentkit/core"],
  ["packages/vae/src/model.ts", "@latentkit/engine-onnx", "@tensorflow/tfjs-core"],
  ["packages/vae/src/model.ts", "@latentkit/jit", "zod"],
  ["packages/vae/src/model.ts", "@latentkit/core/node", "./loss.js"],
  ["packages/vae/src/model.ts", "tsyringe", "./networks.js"],
  ["packages/vae/src/model.ts", "node:fs", "./config.js"],
  ["packages/family-of-tomorrow/src/model.ts", "@latentkit/vae", "@latentkit/core"],
  ["packages/family-of-tomorrow/src/model.ts", "node:os", "./loss.js"],
  ["packages/vae/test/conformance.test.ts", "@latentkit/gan", "@latentkit/core/testing"],
  ["packages/vae/test/conformance.test.ts", "../../core/src/model.js", "../src/model.js"],
  ["packages/vae/src/loss.test.ts", "@latentkit/core/src/model.js", "@latentkit/engine-onnx"],
  ["packages/cli/src/cli.ts", "@latentkit/vae/dist/model.js", "@latentkit/vae/plugin"],
  ["packages/cli/src/cli.ts", "@latentkit/core/src/trainer.js", "@latentkit/core/node"],
  ["packages/cli/src/cli.ts", "tsyringe", "node:fs"],
];
const rules = ["lint/style/noRestrictedImports", "lint/correctness/noNodejsModules"];

let folder;
let refused;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "latentkit-boundaries-"));
  cpSync(join(root, "biome.json"), join(folder, "biome.json"));
  spawnSync("git", ["init", "-q"], { cwd: folder });
  plant();
  refused = lint();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every file of the table gets its forbidden and its allowed imports, one a line. */
function plant() {
  for (const file of new Set(boundaries.map(([name]) => name))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    const imports = boundaries.filter(([name]) => name === file).flatMap(([, ...specifiers]) => specifiers);
    writeFileSync(join(folder, file), imports.map((specifier) => `import "${specifier}";\n`).join(""));
  }
}

/** Lints the planted files once; returns the refused imports as "file specifier". */
function lint() {
  const args = [biome, "lint", "--reporter=json", "--max-diagnostics=1000", "."];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  const found = JSON.parse(stdout).diagnostics.filter((diagnostic) => rules.includes(diagnostic.category));
  return new Set(found.map(({ location }) => `${location.path} ${importAt(location.path, location.start.line)}`));
}

function importAt(file, line) {
  return readFileSync(join(folder, file), "utf8").split("\n")[line - 1].split('"')[1];
}

test.each(boundaries)("%s may not import %s, but may import %s", (file, forbidden, allowed) => {
  expect(refused).toContain(`${file} ${forbidden}`);
  expect(refused).not.toContain(`${file} ${allowed}`);
});
