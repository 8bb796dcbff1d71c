import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Finished, latentkit, TINY, workFolder } from "./support.js";

let folder: Awaited<ReturnType<typeof workFolder>>;
const run = (...args: string[]) => latentkit(args, { cwd: folder.path });

beforeAll(async () => {
  folder = await workFolder();
});
afterAll(() => folder.remove());

/** One line that starts with `error`, nothing on stdout, no stack. */
function expectLine({ code, stdout, stderr }: Finished, expectedCode: number, ...parts: string[]): void {
  expect(
    stderr
      .trimEnd()
      .split("\n")
      .filter((line) => !line.startsWith("loading ")),
  ).toHaveLength(1);
  expect(stderr).toMatch(/(^|\n)error /);
  expect(stderr).not.toMatch(/\n\s+at /);
  for (const part of parts) expect(stderr).toContain(part);
  expect(stdout).toBe("");
  expect(code).toBe(expectedCode);
}

describe("names", () => {
  it("suggests a command", async () => expectLine(await run("trian"), 2, '(did you mean "train"?)'));
  it("suggests a model", async () =>
    expectLine(await run("train", "vea", ...TINY, "--out", "a"), 1, 'unknown model "vea"', 'did you mean "vae"?'));
  it("suggests a data set", async () => {
    expectLine(
      await run("train", "vae", "--data", "mnits", "--out", "a"),
      1,
      'unknown data set "mnits"',
      'did you mean "mnist"?',
    );
    expectLine(await run("train", "vae", "--data", "points.csv", "--out", "a"), 1, 'did you mean "csv:points.csv"?');
  });
  it("suggests an engine", async () =>
    expectLine(await run("train", "vae", ...TINY, "--out", "a", "--engine", "onx"), 1, 'did you mean "onnx"?'));
  it("suggests a model option", async () => {
    expectLine(
      await run("train", "vae", ...TINY, "--out", "a", "--set", "latentDmi=3"),
      1,
      "vae",
      '"latentDmi"',
      'did you mean "latentDim"?',
    );
  });
  it("suggests a data option", async () => {
    expectLine(
      await run("train", "vae", ...TINY, "--out", "a", "--data-set", "lable=side"),
      1,
      'did you mean "label"?',
    );
  });
  it("suggests a flag", async () =>
    expectLine(
      await run("train", "vae", ...TINY, "--out", "a", "--stpes", "3"),
      2,
      "--stpes",
      'did you mean "--steps"?',
    ));
});

describe("values", () => {
  it.each([
    [["--set", "latentDim=two"], "latentDim", '"two"'],
    [["--batch-size", "0"], "batchSize", "0"],
    [["--steps", "many"], "steps", '"many"'],
    [["--optimizer", "adan"], "optimizer.name", '"adan"'],
    [["--optimizer", "adam", "--momentum", "0.9"], "optimizer.momentum", "sgd"],
    [["--set", "likelihood=bernoulli"], "likelihood", "bernoulli"],
    [["--batch-size", "4000"], "batchSize 4000", "54"],
    [["--data-set", "label=nothing"], "label", "side"],
  ])("%j is refused with the option and the value", async (flags, ...parts) => {
    expectLine(await run("train", "vae", ...TINY, "--out", "values", ...flags), 1, ...parts);
    expect(await readdir(folder.path)).not.toContain("values");
  });

  it("names row and column of NaN in data", async () => {
    expectLine(
      await run("train", "vae", "--data", "csv:nan.csv", "--out", "values"),
      1,
      "nan.csv",
      'column "y"',
      "nan",
    );
    expect(await readdir(folder.path)).not.toContain("values");
  });

  it("names a data file that is missing", async () => {
    expectLine(await run("train", "vae", "--data", "csv:none.csv", "--out", "values"), 1, "none.csv", "does not exist");
  });
});

describe("flags", () => {
  it.each([
    [["train"], "which model?"],
    [["train", "vae", "--out", "a"], "--data"],
    [["train", "vae", "--data", "moons"], "--out"],
    [["train", "vae", "--data"], "--data"],
    [["train", "vae", "--resume", "a"], '"vae"'],
    [["train", "--resume", "a", "--batch-size", "3"], "--batch-size"],
    [["train", "vae", ...TINY, "--out", "a", "--checkpoint", "best"], "--checkpoint"],
    [["train", "vae", "--data", "moons:test", "--out", "a"], "moons:test"],
    [["train", "vae", ...TINY, "--out", "a", "--set", "latentDim"], "--set"],
    [["sample"], "run"],
    [["sample", "a", "-n", "0"], "-n"],
    [["encode", "a"], "--out"],
    [["interpolate", "a", "--from", "3"], "--to"],
    [["list", "modles"], "models"],
  ])("%j is misuse: code 2", async (args, part) => expectLine(await run(...args), 2, part));
});

describe("folders", () => {
  it("refuses an output folder that cannot be written", async () => {
    await mkdir(join(folder.path, "locked"));
    await chmod(join(folder.path, "locked"), 0o555);
    await writeFile(join(folder.path, "file"), "");
    const out = process.getuid?.() === 0 ? "file/run" : "locked/run"; // root may write everywhere
    expectLine(await run("train", "vae", ...TINY, "--out", out, "--steps", "2"), 1, "--out", out);
  });

  it.skipIf(process.platform !== "linux")("refuses a place where no folder can be made", async () => {
    expectLine(await run("train", "vae", ...TINY, "--out", "/proc/a/b", "--steps", "2"), 1, "--out /proc/a/b");
  });

  it("refuses to write over files that are no run", async () => {
    await mkdir(join(folder.path, "mine"));
    await writeFile(join(folder.path, "mine", "thesis.txt"), "years of work");
    expectLine(
      await run("train", "vae", ...TINY, "--out", "mine", "--overwrite", "--steps", "2"),
      1,
      "mine",
      "no latentkit run",
    );
    expect(await readFile(join(folder.path, "mine", "thesis.txt"), "utf8")).toBe("years of work");
  });

  it.each(["sample", "evaluate", "reconstruct", "interpolate"])("%s names a run that is not there", async (command) => {
    expectLine(await run(command, "nowhere"), 1, "nowhere");
  });
});

describe("--debug", () => {
  it("shows the stack", async () => {
    const { code, stderr } = await run("train", "vea", ...TINY, "--out", "a", "--debug");
    expect(code).toBe(1);
    expect(stderr).toMatch(/unknown model[^\n]*\n\s+at /);
  });
});

describe("--config", () => {
  it("names what is wrong in it", async () => {
    await writeFile(join(folder.path, "bad.yaml"), "modle: vae\n");
    expectLine(await run("train", "--config", "bad.yaml"), 1, "bad.yaml", '"modle"', 'did you mean "model"?');
    await writeFile(join(folder.path, "broken.json"), "{");
    expectLine(await run("train", "--config", "broken.json"), 1, "broken.json");
    expectLine(await run("train", "--config", "none.yaml"), 1, "none.yaml", "does not exist");
    await writeFile(join(folder.path, "unknown.yaml"), "model: vae\ndata: moons\nout: a\ntrain: { stpes: 3 }\n");
    expectLine(await run("train", "--config", "unknown.yaml"), 1, '"stpes"', 'did you mean "steps"?');
  });
});
