import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { discoverPlugins } from "./plugins.js";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "latentkit-plugins-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, content: string | object): Promise<void> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
}

const plugin = (name: string, how: string) =>
  `const plugin = { name: "${name}", summary: "", config: { shape: {} }, sampleOptions: { shape: {} }, create() {} };\n${how}`;

async function install(
  name: string,
  module: string,
  manifest: object = { latentkit: { plugin: "./plugin.js" } },
): Promise<void> {
  await write(`node_modules/${name}/package.json`, { name, version: "1.2.3", type: "module", ...manifest });
  await write(`node_modules/${name}/plugin.js`, module);
}

describe("discoverPlugins", () => {
  it("finds dependencies of every package.json upwards, default and named exports, and nothing else", async () => {
    await write("package.json", {
      dependencies: { "model-a": "*", plain: "*" },
      devDependencies: { "@scope/model-b": "*" },
    });
    await write("apps/x/package.json", { optionalDependencies: { "model-c": "*", "not-installed": "*" } });
    await install("model-a", plugin("a", "export default plugin;"));
    await install("@scope/model-b", plugin("b", "export { plugin };"));
    await install("model-c", plugin("c", "export default plugin;"));
    await install("plain", "throw new Error('never loaded');", {});
    await install("not-a-dependency", plugin("d", "export default plugin;"));
    const { plugins, warnings } = await discoverPlugins(join(root, "apps", "x"));
    expect(plugins.map(({ plugin, packageName, version }) => [plugin.name, packageName, version])).toEqual([
      ["c", "model-c", "1.2.3"],
      ["a", "model-a", "1.2.3"],
      ["b", "@scope/model-b", "1.2.3"],
    ]);
    expect(warnings).toEqual([]);
  });

  it("warns of each broken plugin in one line; the others go on", async () => {
    const broken = {
      throws: "throw new Error('first\\nsecond');",
      empty: "export {};",
      bare: "export default { name: 'x', create() {} };",
    };
    await write("package.json", { dependencies: { ...broken, lost: "*", odd: "*", good: "*" } });
    for (const [name, module] of Object.entries(broken)) await install(name, module);
    await install("lost", "", { latentkit: { plugin: "./dist/none.js" } });
    await install("odd", "", { latentkit: { plugin: 3 } });
    await install("good", plugin("good", "export default plugin;"));
    const { plugins, warnings } = await discoverPlugins(root);
    expect(plugins.map(({ plugin }) => plugin.name)).toEqual(["good"]);
    expect(warnings).toHaveLength(5);
    for (const [i, text] of [
      "throws is left out: first",
      "empty",
      "config is not a zod object",
      "none.js does not exist",
      "must be the path",
    ].entries()) {
      expect(warnings[i]).toContain(text);
      expect(warnings[i]).not.toContain("\n");
    }
  });

  it("is content without a project, or with one that is not JSON", async () => {
    await write("package.json", "{");
    expect(await discoverPlugins(root)).toEqual({ plugins: [], warnings: [] });
  });
});
