/** The programs of `examples/`: whole, at most 60 lines, well typed, and running to their end at a reduced size. Expects a built checkout. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { environment, root } from "./bootstrap.mjs";

const exec = promisify(execFile);
const source = join(root, "examples");
const names = readdirSync(source).filter((name) => name.endsWith(".ts"));
/** Steps of a run that shows that the program works, or seconds where the time is given. */
const SIZES = { "compare.ts": "1" };
const SMALL = "8";

let folder;
beforeAll(() => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache", "examples-")); // inside the checkout, so that packages are found
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: ["node"],
};

describe.concurrent("examples", () => {
  it.each(names)("%s runs", { timeout: 120_000 }, async (name) => {
    const text = readFileSync(join(source, name), "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(60);
    expect(text.slice(0, text.indexOf("*/"))).toContain("Expected"); // what a reader should see at full size
    const { outputText } = ts.transpileModule(text, { compilerOptions: { ...OPTIONS, module: ts.ModuleKind.ESNext } });
    const file = join(folder, name.replace(/\.ts$/, ".mjs"));
    writeFileSync(file, outputText);
    const args = [file, SIZES[name] ?? SMALL];
    const { stdout } = await exec(process.execPath, args, { cwd: folder, env: environment({ NO_COLOR: "1", VITEST: undefined }) }); // biome-ignore format: one line
    expect(stdout).toMatch(/\d/);
    expect(stdout).not.toMatch(/NaN|undefined/);
  });

  it("have types that fit", { timeout: 120_000 }, () => {
    const program = ts.createProgram(names.map((name) => join(source, name)), OPTIONS); // biome-ignore format: one line
    const found = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`); // biome-ignore format: one line
    expect(found).toEqual([]);
  });
});
