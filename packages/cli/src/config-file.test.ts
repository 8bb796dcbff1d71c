import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfigFile } from "./config-file.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentkit-config-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(name: string, text: string) {
  await writeFile(join(folder, name), text);
  return readConfigFile(join(folder, name));
}

const expected = {
  model: { name: "vae", config: { latentDim: 2 } },
  data: { name: "moons", options: {} },
  out: "runs/a",
  options: {},
  train: { steps: 10, optimizer: { name: "sgd" } },
};

describe("readConfigFile", () => {
  it("reads YAML", async () => {
    const text =
      "model: { name: vae, config: { latentDim: 2 } }\ndata: moons\nout: runs/a\ntrain:\n  steps: 10\n  optimizer: { name: sgd }\n";
    expect(await read("a.yaml", text)).toEqual(expected);
  });

  it("reads JSON, and what a run's config.json says besides", async () => {
    const json = {
      format: "latentkit-run/1",
      ...expected,
      options: undefined,
      engine: { name: "tensorflow", details: { threads: 2, precision: "bf16", lowering: "xla" } },
      versions: {},
      dataset: {},
    };
    expect(await read("a.json", JSON.stringify(json))).toEqual({
      ...expected,
      engine: "tensorflow",
      options: { precision: "bf16", lowering: "xla" },
    });
  });

  it("reads TypeScript and JavaScript modules", async () => {
    const module = `const latentDim = 1 + 1;\nexport default { model: { name: "vae", config: { latentDim } }, data: "moons", out: "runs/a", train: { steps: 10, optimizer: { name: "sgd" } } }`;
    expect(
      await read(
        "a.ts",
        `interface Size { n: number }\nconst size: Size = { n: 3 };\nenum E { A }\n${module} satisfies object;\nvoid size; void E;`,
      ),
    ).toEqual(expected);
    expect(await read("a.mjs", module)).toEqual(expected);
  });

  it.each([
    ["a.toml", "", /must end in/],
    ["b.yaml", "- 1\n", /must hold an object/],
    ["c.yaml", "a: [", /c\.yaml cannot be read: [^\n]+$/],
    ["d.json", '{"trian": {}}', /unknown key "trian" \(did you mean "train"\?\)/],
    ["e.json", '{"model": 3}', /model must be a name/],
    ["f.ts", "export default {{", /f\.ts cannot be read: [^\n]+$/],
  ])("refuses %s in one line", async (name, text, message) => {
    await expect(read(name, text)).rejects.toThrow(message);
  });
});
