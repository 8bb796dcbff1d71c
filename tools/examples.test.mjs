/** The programs of `examples/`: whole, at most 60 lines, well typed, and running to their end at a reduced size. Expects a built checkout. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { environment, root } from "./bootstrap.mjs";
import { toJavaScript, typeErrors } from "./typescript.mjs";

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

describe.concurrent("examples", () => {
  it.each(names)("%s runs", { timeout: 120_000 }, async (name) => {
    const text = readFileSync(join(source, name), "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(60);
    expect(text.slice(0, text.indexOf("*/"))).toContain("Expected"); // what a reader should see at full size
    const file = join(folder, name.replace(/\.ts$/, ".mjs"));
    writeFileSync(file, toJavaScript(text));
    const args = [file, SIZES[name] ?? SMALL];
    const { stdout } = await exec(process.execPath, args, { cwd: folder, env: environment({ NO_COLOR: "1", VITEST: undefined }) }); // biome-ignore format: one line
    expect(stdout).toMatch(/\d/);
    expect(stdout).not.toMatch(/NaN|undefined/);
  });

  it("have types that fit", { timeout: 120_000 }, () => {
    expect(typeErrors(names.map((name) => join(source, name)))).toEqual([]);
  });
});
