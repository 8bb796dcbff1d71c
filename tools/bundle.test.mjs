/** What a browser gets: a bundler keeps the side effects that the packages declare and meets no Node module. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "vite";
import { afterAll, expect, test } from "vitest";
import { root } from "./bootstrap.mjs";

const folder = mkdtempSync(join(tmpdir(), "latentkit-bundle-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Bundles the program for browsers; returns the Node modules our sources asked for. */
async function bundle() {
  const builtins = [];
  const plugin = {
    name: "builtins",
    enforce: "pre",
    resolveId(id, importer = "") {
      const ours = relative(root, importer).startsWith("packages/") && !importer.includes("node_modules");
      if (ours && isBuiltin(id)) builtins.push(`${id} from ${relative(root, importer)}`);
    },
  };
  await build({
    configFile: false,
    logLevel: "silent",
    root,
    plugins: [plugin],
    resolve: { conditions: ["@latentkit/source", "browser", "module", "import", "default"] },
    build: { outDir: folder, lib: { entry: "tools/browser-program.mjs", formats: ["es"], fileName: "bundle" } },
  });
  return builtins;
}

/** Runs the bundled program where tfjs finds a window and no Node; returns what it returns. */
function run(file) {
  const script = `
    const { stdout } = process;
    Object.assign(globalThis, { window: globalThis, document: {}, process: undefined });
    const { program } = await import(${JSON.stringify(pathToFileURL(file).href)});
    stdout.write(JSON.stringify(await program()));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

test("core, jit and a family run from a browser bundle", async () => {
  expect(await bundle()).toEqual([]);
  const { trainer, models, softplus } = run(join(folder, "bundle.js"));
  expect({ trainer, models }).toEqual({ trainer: "object", models: ["vae"] });
  expect(softplus).toBeCloseTo(Math.log1p(Math.exp(0.5)), 6);
}, 60_000);
