import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { latentkit, workFolder } from "./support.js";

/** A tiny GPT-2 that transformers saved. */
const FIXTURE = fileURLToPath(new URL("../../ar-transformer/test/fixtures/gpt2", import.meta.url));

let folder: Awaited<ReturnType<typeof workFolder>>;
const run = (...args: string[]) => latentkit(args, { cwd: folder.path });

beforeAll(async () => {
  folder = await workFolder();
});
afterAll(() => folder.remove());

it("imports a folder of Hugging Face, samples it, and exports it as it was", async () => {
  const imported = await run("import", FIXTURE, "--out", "run", "--json");
  expect([imported.stderr, imported.code]).toEqual(["", 0]);
  expect(JSON.parse(imported.stdout)).toMatchObject({ format: "huggingface-gpt2", model: "ar-transformer" });
  const sampled = await run("sample", "run", "--prompt", "Some years", "--max-new-tokens", "3", "--engine", "eager");
  expect(sampled.code).toBe(0);
  expect(sampled.stdout).toContain("Some years");
  expect((await run("export", "run", "--out", "back")).code).toBe(0);
  const read = (path: string) => readFile(path, "utf8");
  expect(await read(join(folder.path, "back/tokenizer.json"))).toBe(await read(join(FIXTURE, "tokenizer.json")));
  const unknown = await run("sample", "run", "--prompt", "", "--engine", "eager");
  expect([unknown.code, unknown.stderr.trim().split("\n").length]).toEqual([1, 1]);
});

it.each([
  [["import", "nowhere", "--out", "a"], "cannot open folder nowhere: it does not exist"],
  [["import", ".", "--out", "a"], "is a folder of no known format"],
  [["import", FIXTURE, "--out", "a", "--format", "gguf"], 'unknown format "gguf"'],
  [["export", "run", "--out", "back"], "--out back holds files"],
  [["export", "run", "--out", "b", "--format", "gguf"], 'ar-transformer has no format "gguf"'],
  [
    ["sample", "run", "--prompt", "years", "--max-new-tokens", "1", "--engine", "eager", "--out", "nowhere/a.txt"],
    "cannot write nowhere/a.txt: it does not exist; check the path",
  ],
  [["evaluate", "run", "--engine", "eager"], "this run was imported and has no data of its own"],
])("%j is one line", async (args, message) => {
  const { code, stderr } = await run(...args);
  expect(stderr).toContain(message);
  expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
});
