import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastJson, latentkit, workFolder } from "./support.js";

let folder: Awaited<ReturnType<typeof workFolder>>;
const run = (...args: string[]) => latentkit(args, { cwd: folder.path });

async function json(...args: string[]): Promise<any> {
  const finished = await run(...args, "--json");
  expect(finished.stderr).not.toMatch(/^error/m);
  expect(finished.code).toBe(0);
  return lastJson(finished);
}

const small = ["--set", "layers=2", "--set", "width=8", "--set", "depth=1"];
const toys = ["--data", "moons", "--data-set", "train=400", "--data-set", "test=60"];

let trained: any;
beforeAll(async () => {
  folder = await workFolder();
  const brief = ["--steps", "20", "--batch-size", "50", "--evaluate-every", "10"];
  trained = await json("train", "flow", ...toys, ...small, ...brief, "--out", "moons");
});
afterAll(() => folder.remove());

describe("a flow of points", () => {
  it("reports likelihood and inversion error, and draws density and warped grid", async () => {
    expect(trained.metrics.logProb).toMatchObject({ n: 60, unit: "nats" });
    expect(trained.metrics.inversionError).toMatchObject({
      n: 60,
      stderr: 0,
      note: expect.stringMatching(/example \d+, dimension [01]/),
    });
    expect(trained.metrics.inversionError.value).toBeLessThan(1e-3);
    expect(Object.keys(trained.figures)).toEqual(expect.arrayContaining(["density", "samples", "loss"]));
    const png = await readFile(join(folder.path, trained.figures.density));
    expect(png.subarray(1, 4).toString("latin1")).toBe("PNG");
  });

  it("brings the inversion error along, whatever metric is asked for", async () => {
    const { metrics } = await json("evaluate", "moons", "--metrics", "bitsPerDim");
    expect(Object.keys(metrics)).toEqual(["bitsPerDim", "inversionError"]);
  });

  it("scores every example in the order of the data", async () => {
    const scored = await json("score", "moons", "--out", "scores.csv");
    expect(scored).toMatchObject({ n: 60, measure: "logProb", unit: "nats", data: "moons:test" });
    const [header, ...rows] = (await readFile(join(folder.path, "scores.csv"), "utf8")).trim().split("\n");
    expect(header).toBe("logProb");
    const values = rows.map(Number);
    expect(values).toHaveLength(60);
    expect(values.reduce((a, b) => a + b, 0) / 60).toBeCloseTo(scored.mean, 4);
    expect(scored.mean).toBeCloseTo(trained.metrics.logProb.value, 4);
    expect(values[scored.least]).toBe(Math.min(...values));
    expect((await json("score", "moons", "--out", "few.npz", "--limit", "7")).n).toBe(7);
  });
});

describe("a flow of a table", () => {
  const rows = Array.from({ length: 120 }, (_, i) => [
    Math.sin(i),
    Math.cos(i * 1.3) + Math.sin(i) / 2,
    Math.sin(i * 0.7),
  ]);
  const table = (name: string, values: readonly (readonly number[])[]) =>
    writeFile(join(folder.path, name), `a,b,c\n${values.map((row) => row.join(",")).join("\n")}\n`);

  it("is conditional on columns, and sampled for a vector of them", async () => {
    await table("table.csv", rows);
    const options = [...small, "--set", "conditional=context", "--data-set", 'context=["c"]'];
    const quick = ["--steps", "4", "--batch-size", "32", "--evaluate-every", "0", "--out", "table"];
    const { metrics } = await json("train", "flow", "--data", "csv:table.csv", ...options, ...quick);
    expect(metrics.logProb.n).toBe(12);
    const drawn = await json("sample", "table", "-n", "5", "--set", "context=[0.5]", "--out", "drawn.csv");
    expect(drawn.shape).toEqual([5, 2]);
    const refused = await run("sample", "table", "-n", "5", "--out", "drawn.csv");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("context must be given");
  });

  it("is refused when a column is discrete, before anything is written", async () => {
    await table(
      "discrete.csv",
      rows.map(([a, b], i) => [a as number, b as number, i % 3]),
    );
    const refused = await run("train", "flow", "--data", "csv:discrete.csv", "--out", "never");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/column "c" is discrete: 3 different values/);
    expect(refused.stderr.match(/^error/gm)).toHaveLength(1);
    expect(refused.stderr).not.toContain("    at "); // no stack
  });
});
