import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eager, UserError } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { gaussianPlugin } from "../../../test/gaussian.js";
import type { DatasetSource } from "../../data.js";
import { Evaluator } from "../../evaluator.js";
import type { GenerativeModel } from "../../model.js";
import type { ModelPlugin } from "../../plugin.js";
import { Session } from "../../session.js";
import { syntheticDataset } from "../../testing/synthetic.js";
import { momentSamples } from "./grade.js";
import { type Comparison, type ComparisonRequest, compareModels, compareOne } from "./index.js";

const dataset = syntheticDataset({ kind: "continuous", shape: [2] }, { size: 128 });
const data: DatasetSource = { name: "synthetic", options: {}, load: async () => dataset };

/** A plugin that differs from the Gaussian in what it is given. */
const variant = (name: string, change: Partial<ModelPlugin>): ModelPlugin =>
  ({ ...(gaussianPlugin as unknown as ModelPlugin), name, ...change }) as ModelPlugin;

/** Its loss is infinite from the first step. */
const diverging = variant("diverging", {
  create(config, datum) {
    const model = gaussianPlugin.create(config as { spread: number }, datum);
    const [objective] = model.objectives;
    const loss = (params: any) => ({
      loss: tf.mul(tf.sum(tf.add(params.mu, params.logSigma)), Number.POSITIVE_INFINITY),
    });
    return { ...model, objectives: [{ ...objective, loss }] } as ReturnType<ModelPlugin["create"]>;
  },
});

/** Its samples take as many steps as the option `count` says; more of them change nothing. */
const stepping = variant("stepping", {
  sampleOptions: z.strictObject({ count: z.int().default(2) }) as never,
  create(config, datum) {
    const model = gaussianPlugin.create(config as { spread: number }, datum) as GenerativeModel;
    const once = model.sampling({ n: 1, options: {} });
    return {
      ...model,
      ladder: { option: "count", values: [1, 2, 5] },
      sampling: ({ options }) => ({
        ...once,
        steps: (options.count as number | undefined) ?? 2,
        start: (...given) => ({ x: once.start(...given) as tf.Tensor }),
        step: (_params, _state, carry) => carry,
        finish: (_params, _state, { x }) => x,
      }),
    };
  },
});

const textOnly = variant("text-only", {
  create: (_config, { kind }) => {
    throw new UserError("text-only", `takes tokens, not ${kind} data`);
  },
});

let folder: string;
let engines = 0;

const requestOf = (out: string, plugins: readonly unknown[]): ComparisonRequest => ({
  models: plugins.map((plugin) => ({ plugin: plugin as ModelPlugin, config: {} })),
  data,
  minutes: 0.002,
  samples: 60,
  seed: 0,
  out: join(folder, out),
  evaluator: new Evaluator(),
  createEngine: async () => {
    engines++;
    return eager();
  },
});
const request = (out: string, plugins: readonly unknown[], more: Partial<ComparisonRequest> = {}) =>
  compareModels({ ...requestOf(out, plugins), ...more });

let comparison: Comparison;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentkit-compare-"));
  comparison = await request("all", [diverging, gaussianPlugin, textOnly]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("compareModels", () => {
  it("grades a model by what its contract says it can do", () => {
    const { grades, moments, status } = comparison.results[1] ?? {};
    expect(status).toBe("done");
    expect(grades?.capabilities).toEqual({
      likelihood: "exact",
      latent: "none",
      samplingSteps: 0,
      conditional: false,
    });
    expect(grades?.parameters).toBe(4);
    expect(Object.keys(grades?.metrics ?? {})).toEqual(
      "logProb copying energyDistance precision recall density coverage".split(" "),
    );
    expect(grades?.metrics.energyDistance).toMatchObject({ n: 60, realVsReal: { value: expect.any(Number) } });
    expect(grades?.samplesPerSecond).toBeGreaterThan(0);
    expect(grades?.costs).toHaveLength(1);
    expect(moments?.length).toBeGreaterThan(0);
    expect(moments?.at(-1)?.metrics).toMatchObject({ logProb: { unit: "nats" }, energyDistance: { n: 60 } });
  });

  it("draws no sample twice: the last moment's, the pictures' and those that are timed are the table's", async () => {
    const large = syntheticDataset({ kind: "continuous", shape: [2] }, { size: 1024 });
    const drawn = vi.spyOn(Session.prototype, "sample");
    const { results } = await request("counted", [gaussianPlugin], {
      data: { ...data, load: async () => large },
      samples: 512,
    });
    const asked = drawn.mock.calls.map(([{ n }]) => n);
    drawn.mockRestore();
    const { moments = [], grades } = results[0] ?? {};
    expect(asked.filter((n) => n === 256)).toHaveLength(moments.length - 1);
    expect(asked.filter((n) => n === 512)).toHaveLength(1);
    expect(asked.filter((n) => n !== 256 && n !== 512)).toEqual([2000, 2000]); // pictures of the run's report and of the comparison's
    expect(moments.at(-1)?.metrics.energyDistance).toMatchObject({ n: 256 });
    expect(grades?.metrics.energyDistance).toMatchObject({ n: 512 });
  });

  it("measures each value of a ladder of steps once, the default's not again", async () => {
    const drawn = vi.spyOn(Session.prototype, "sample");
    const { results } = await request("ladder", [stepping]);
    const counts = drawn.mock.calls.flatMap(([{ options }]) => (options?.count as number | undefined) ?? []);
    drawn.mockRestore();
    const { costs = [], samplesPerSecond } = results[0]?.grades ?? {};
    expect(counts).toEqual([1, 5]);
    expect(costs.map(({ label }) => label)).toEqual(["count 1", "count 2", "count 5"]);
    expect((costs[1]?.secondsPerSample as number) * (samplesPerSecond as number)).toBeCloseTo(1, 12);
    expect(costs.map(({ quality }) => quality?.value)).toEqual(Array(3).fill(costs[0]?.quality?.value));
  });

  it("takes a quarter of the samples at a moment, in whole calls of the engine", () => {
    expect([60, 256, 1000, 1025, 10_000].map(momentSamples)).toEqual([60, 256, 256, 512, 2560]);
  });

  it("goes on after a model that fails, and says why one does not apply", () => {
    const [failed, , unfit] = comparison.results;
    expect(failed).toMatchObject({ status: "failed", reason: expect.stringMatching(/training diverged: 20 updates/) });
    expect(unfit).toMatchObject({ status: "not applicable", reason: expect.stringContaining("takes tokens") });
    expect(comparison.interrupted).toBe(false);
  });

  it("writes one page that needs no network", async () => {
    const html = await readFile(comparison.reportFile, "utf8");
    expect(html).not.toMatch(/<script|<link|src="http/);
    for (const text of ["diverging, gaussian and text-only on", "takes tokens, not continuous data", "training diverged", "real data", "gaussian: loss curves", "Quality against time", "latentkit sample"]) // biome-ignore format: one line
      expect(html).toContain(text);
    expect((await stat(comparison.reportFile)).size).toBeLessThan(1e6);
    expect(await readdir(join(folder, "all", "figures"))).toEqual(
      expect.arrayContaining(["cost-of-quality.svg", "gaussian-samples.svg", "quality-over-time.svg"]),
    );
  });

  it("keeps on resume what is done, and refuses a folder that is in use", async () => {
    const before = engines;
    const again = await request("all", [gaussianPlugin, textOnly], { resume: true });
    expect(engines).toBe(before);
    expect(again.results[0]).toEqual(comparison.results[1]);
    const load = vi.fn(data.load);
    await expect(request("all", [gaussianPlugin], { data: { ...data, load } })).rejects.toThrow(
      /holds a comparison; use --resume/,
    );
    expect(load).not.toHaveBeenCalled();
    await writeFile(join(folder, "note.txt"), "mine");
    await expect(request(".", [gaussianPlugin])).rejects.toThrow(/holds files but no comparison/);
    await expect(request("none", [gaussianPlugin], { resume: true })).rejects.toThrow(/is not a comparison/);
  });

  it("stops between updates when interrupted, and continues the same run", async () => {
    const stop = new AbortController();
    const long = { minutes: 0.05, signal: stop.signal, onProgress: () => stop.abort() };
    const first = await request("stopped", [gaussianPlugin], long);
    expect(first).toMatchObject({ interrupted: true, results: [] });
    const steps = JSON.parse(await readFile(join(folder, "stopped/runs/gaussian/config.json"), "utf8")).train.steps;
    const rest = await request("stopped", [gaussianPlugin], { minutes: 0.05, resume: true });
    expect(rest.interrupted).toBe(false);
    const { grades } = rest.results[0] ?? {};
    expect(grades?.steps).toBeLessThanOrEqual(steps); // the schedule is the one it was begun with
    expect(grades?.trainSeconds).toBeLessThan(6);
  });

  it("takes what is done elsewhere, and tells of each model that came to nothing there", async () => {
    const plugins = [gaussianPlugin, variant("lost", {}), variant("killed", {}), textOnly];
    const asked: string[] = [];
    const { results } = await request("elsewhere", plugins, {
      createEngine: () => Promise.reject(new Error("here")),
      async elsewhere(name) {
        asked.push(name);
        if (name === "killed") throw new UserError("somewhere", "memory ran out");
        if (name !== "lost") await compareOne(requestOf("elsewhere", plugins), name);
      },
    });
    expect(asked).toEqual(["gaussian", "lost", "killed", "text-only"]);
    expect(results.map(({ status }) => status)).toEqual(["done", "failed", "failed", "not applicable"]);
    expect(results.map(({ reason }) => reason)).toEqual([
      undefined,
      "its process ended before it was done",
      expect.stringContaining("memory ran out"),
      expect.stringContaining("takes tokens"),
    ]);
    await expect(compareOne(requestOf("elsewhere", plugins), "other")).rejects.toThrow('no model "other"');
  });
});
