import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Finished, lastJson, latentkit, workFolder } from "./support.js";

let folder: Awaited<ReturnType<typeof workFolder>>;
let compared: Finished;
const run = (...args: string[]) => latentkit(args, { cwd: folder.path });
const POINTS = ["--data", "csv:points.csv", "--data-set", "label=side"];

beforeAll(async () => {
  folder = await workFolder();
  await writeFile(join(folder.path, "book.txt"), "Call me Ishmael. ".repeat(200));
  const options = ["--budget", "1s", "--samples", "6", "--set", "vae.hidden=[8]", "--engine", "eager"];
  compared = await run("compare", ...POINTS, "--models", "vae", ...options, "--out", "cmp", "--json");
});
afterAll(() => folder.remove());

describe("compare", () => {
  it("trains, grades and reports", async () => {
    expect(compared.code).toBe(0);
    const { models, report } = lastJson(compared);
    expect(models.vae).toMatchObject({
      status: "done",
      capabilities: { likelihood: "bound", latent: "encode and decode" },
    });
    expect(models.vae.metrics.elbo).toMatchObject({ n: 6, unit: "nats" });
    expect(models.vae.refused.energyDistance).toMatch(/at least 20 samples, got 6/); // too few: a reason instead of a number
    expect(await readFile(join(folder.path, report), "utf8")).toContain("at least 20 samples, got 6");
    expect(await readdir(join(folder.path, "cmp/runs/vae"))).toContain("report.html");
    expect(compared.stderr).toMatch(/training vae/);
  });

  it("has nothing more to do when resumed", async () => {
    const again = await run("compare", "--resume", "cmp", "--json");
    expect(again.code).toBe(0);
    expect(lastJson(again).models.vae.metrics).toEqual(lastJson(compared).models.vae.metrics);
  });

  it("says why none of the models could be compared", async () => {
    const { code, stderr, stdout } = await run(
      "compare",
      "--data",
      "text:book.txt",
      "--models",
      "vae,gan",
      "--out",
      "words",
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^vae: not applicable: /m);
    expect(stderr).toMatch(/none of the models could be compared; .*report.html says why/);
  });

  const mistakes: [string, string[], number, RegExp][] = [
    ["no data", ["--out", "x"], 2, /--data is missing/],
    ["a budget without a unit", [...POINTS, "--out", "x", "--budget", "10"], 2, /--budget must be a time such as 30s/],
    ["an unknown model", [...POINTS, "--out", "x", "--models", "vea"], 1, /unknown model "vea" \(did you mean "vae"\?\)/],
    ["a model twice", [...POINTS, "--out", "x", "--models", "vae,vae"], 2, /names vae twice/],
    ["an option of no model", [...POINTS, "--out", "x", "--models", "vae", "--set", "latentDim=2"], 2, /begin with one of the models/],
    ["a wrong option", [...POINTS, "--out", "x", "--models", "vae", "--set", "vae.latentDim=no"], 1, /latentDim/],
    ["changes on resume", ["--resume", "cmp", "--budget", "1m"], 2, /--budget cannot be given with --resume/],
  ]; // biome-ignore format: a line each

  it.each(mistakes)("%s: one line before anything is written", async (_name, args, expected, message) => {
    const { code, stderr } = await run("compare", ...args);
    expect(code).toBe(expected);
    expect(stderr).toMatch(message);
    expect(await readdir(folder.path)).not.toContain("x");
  });
});

describe("what a run is good for", () => {
  it("map draws latents beside principal components", async () => {
    const drawn = await run("map", "cmp/runs/vae", "--out", "map.svg", "--json");
    expect(drawn.code).toBe(0);
    expect(lastJson(drawn)).toMatchObject({ n: 6, model: { dimensions: 20 }, pca: { dimensions: 2, explained: 1 } });
    expect(await readFile(join(folder.path, "map.svg"), "utf8")).toMatch(/^<svg .*principal components/s);
    expect((await run("map", "cmp/runs/vae", "--out", "map.png")).stderr).toMatch(/must end in .svg/);
  });

  it("score --against tells how well likelihoods tell data apart", async () => {
    const far = "x,y,side\n".concat(Array.from({ length: 40 }, (_, i) => `${i % 5},${i},${i % 2 ? "left" : "right"}\n`).join("")); // biome-ignore format: one line
    await writeFile(join(folder.path, "far.csv"), far);
    const against = ["--against", "csv:far.csv:test", "--data-set", "label=side"];
    const scored = await run("score", "cmp/runs/vae", ...against, "--out", "scores.csv", "--json");
    expect(scored.code).toBe(0);
    const { area, stderr, data } = lastJson(scored).against;
    expect(data).toMatch(/far.csv:test$/);
    expect(area).toBeGreaterThanOrEqual(0);
    expect(area).toBeLessThanOrEqual(1);
    expect(stderr).toBeGreaterThanOrEqual(0);
  });

  it("evaluate takes sampling options, and refuses unknown ones", async () => {
    const measured = await run(
      "evaluate",
      "cmp/runs/vae",
      "--metrics",
      "copying",
      "--set",
      "temperature=0.5",
      "--json",
    );
    expect(lastJson(measured).metrics.copying).toMatchObject({ n: 6 });
    const wrong = await run("evaluate", "cmp/runs/vae", "--metrics", "copying", "--set", "heat=2");
    expect(wrong.stderr).toMatch(/unknown option "heat"/);
  });

  it("writes and reads sound", async () => {
    const options = ["--data-set", "train=40", "--data-set", "test=20", "--data-set", "length=64"];
    const small = [
      "--set",
      "hidden=[8]",
      "--set",
      "latentDim=2",
      "--steps",
      "2",
      "--batch-size",
      "8",
      "--engine",
      "eager",
    ];
    expect((await run("train", "vae", "--data", "vowels", ...options, ...small, "--out", "voice")).code).toBe(0);
    expect((await run("sample", "voice", "-n", "8", "--out", "voice.wav")).code).toBe(0);
    const again = ["--data", "wav:voice.wav", "--data-set", "length=64"];
    expect((await run("train", "vae", ...again, ...small, "--out", "again")).code).toBe(0);
    expect((await run("sample", "cmp/runs/vae", "--out", "x.wav")).stderr).toMatch(/--out x.wav must end in one of/);
  });
});
