import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eager, normal } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { DatasetSource, DatumSpec } from "../data.js";
import { definePlugin, type ModelPlugin, modelFactory } from "../plugin.js";
import { syntheticDataset } from "../testing/synthetic.js";
import { openRun } from "./open-run.js";
import { type TrainRunRequest, trainRun } from "./run.js";

vi.setConfig({ testTimeout: 60_000 }); // the first report loads vega

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentkit-run-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = z.object({ brokenSampler: z.boolean().default(false).describe("throws when it samples") });

/** A Gaussian with a learned mean: exact likelihood, no latent space. */
const gaussian = definePlugin({
  name: "gaussian",
  summary: "a mean",
  config,
  sampleOptions: z.object({}),
  create: ({ brokenSampler }, datum) => {
    const axes = datum.shape.map((_, i) => i + 1);
    const logProb = (params: any, _state: any, { x }: { x: tf.Tensor }) =>
      tf.neg(tf.sum(tf.square(tf.sub(x, params.mu)), axes));
    return {
      datum,
      init: () => ({ params: { mu: tf.zeros([...datum.shape]) }, state: {} }),
      objectives: [
        {
          name: "nll",
          trains: ["mu"],
          loss: (params, state, batch) => ({ loss: tf.neg(tf.mean(logProb(params, state, batch))) }),
        },
      ],
      sampling: ({ n }) => ({
        steps: 0,
        start: (_params, _state, key) => ({ eps: normal(key, [n, ...datum.shape]) }),
        finish(params, _state, { eps }) {
          if (brokenSampler && n === 64) throw new Error("no samples today");
          return tf.add(params.mu, tf.mul(eps as tf.Tensor, 0.1));
        },
      }),
      logProb,
    };
  },
});

const POINTS: DatumSpec = { kind: "continuous", shape: [2], range: [-1, 1] };
const IMAGES: DatumSpec = { kind: "continuous", shape: [4, 4, 1], range: [0, 1], classes: 3 };

const source = (datum: DatumSpec): DatasetSource => ({
  name: "synthetic",
  options: {},
  load: async (seed) => syntheticDataset(datum, { size: 40, seed }),
});

function request(out: string, datum = POINTS): TrainRunRequest {
  return {
    model: modelFactory(gaussian)(),
    data: source(datum),
    engine: eager(),
    config: { steps: 30, batchSize: 10, checkpointEvery: 10, optimizer: { learningRate: 0.05 } },
    out: join(folder, out),
  };
}

const weights = (out: string, step: string) =>
  Promise.all(
    ["model", "ema", "optimizer"].map((name) =>
      readFile(join(folder, out, "checkpoints", step, `${name}.safetensors`)),
    ),
  );

describe("trainRun", () => {
  it("draws what the model can show and nothing else", async () => {
    const given = request("a", IMAGES);
    const { report, result } = await trainRun({ ...given, config: { ...given.config, evaluateEvery: 3 } });
    expect(result.step).toBe(30);
    expect(Object.keys(report?.figures ?? {}).sort()).toEqual(["loss", "samples"]);
    expect(await readdir(join(folder, "a", "samples"))).toEqual(
      Array.from({ length: 10 }, (_, i) => `${String(3 * (i + 1)).padStart(6, "0")}.png`),
    );
    const html = await readFile(join(folder, "a", "report.html"), "utf8");
    expect(html).toContain("Test logProb");
    expect(html).not.toContain("Reconstructions");
  });

  it("stopped and resumed, gives the bytes of a run that was not", async () => {
    await trainRun(request("whole"));
    const controller = new AbortController();
    const stopped = await trainRun({
      ...request("parts"),
      signal: controller.signal,
      onProgress: ({ step }) => step === 17 && controller.abort(),
    });
    expect(stopped.result.interrupted).toBe(true);
    expect(stopped.report).toBeUndefined();
    const resumed = await trainRun({ ...request("parts"), resume: "latest" });
    expect(resumed.result.step).toBe(30);
    expect(await weights("parts", "000030")).toEqual(await weights("whole", "000030"));
  });

  it("evaluates as often as is cheap against the training when nothing says how often, and says of how many examples", async () => {
    const everyOf = async (out: string, config: TrainRunRequest["config"], more: Partial<TrainRunRequest> = {}) =>
      (await trainRun({ ...request(out), config: { ...request(out).config, ...config }, ...more })).description.train;
    expect(await everyOf("a", {})).toMatchObject({ evaluateEvery: 20, evaluateLimit: 1000 }); // 40 test examples, 10 an update
    expect(await everyOf("b", { evaluateLimit: 8 })).toMatchObject({ evaluateEvery: 4, evaluateLimit: 8 });
    expect(await everyOf("c", { evaluateLimit: 2 })).toMatchObject({ evaluateEvery: 3 });
    expect(await everyOf("d", {}, { evaluations: 3 })).toMatchObject({ evaluateEvery: 10 });
    const html = await readFile(join(folder, "b", "report.html"), "utf8");
    expect(html).toContain("test values are of 8 examples of the test split on the way, and of 40 at the end");
  });

  it("keeps a run whose evaluation at the end is stopped, also that of further metrics", async () => {
    for (const metrics of [[], ["bitsPerDim"]]) {
      const controller = new AbortController();
      const metric = metrics[0] ?? "logProb";
      const stopped = await trainRun({
        ...request("a"),
        overwrite: true,
        metrics,
        signal: controller.signal,
        onEvaluationProgress: (progress) => progress.metric === metric && controller.abort(),
        config: { ...request("a").config, evaluateEvery: 0 },
      });
      expect(stopped).toMatchObject({ result: { interrupted: true, step: 30 } });
      expect(stopped.report).toBeUndefined();
      const { report, result } = await trainRun({ ...request("a"), resume: "latest" });
      expect(report).toBeDefined();
      expect(result.metrics.logProb?.n).toBe(40);
    }
  });

  it("refuses before it touches the folder", async () => {
    await trainRun(request("a"));
    const unread: DatasetSource = {
      ...request("a").data,
      load: () => {
        throw new Error("the data were read before the folder was looked at");
      },
    };
    const wrong = [{ batchSize: 41 }, { batchSize: 10, optimizer: { momentum: 0.9 } }, { steps: 0 }, { stpes: 3 }];
    for (const config of wrong)
      await expect(trainRun({ ...request("a"), config: config as never, overwrite: true })).rejects.toThrow(
        "@latentkit/core",
      );
    await expect(trainRun(request("a"))).rejects.toThrow(/holds a run.*--resume/);
    await expect(trainRun({ ...request("a"), data: unread })).rejects.toThrow(/holds a run.*--resume/);
    expect(await readdir(join(folder, "a", "checkpoints"))).toEqual(["000010", "000020", "000030"]);
  });

  it("goes on when a picture cannot be drawn, warns once, and names it in the report", async () => {
    const model = modelFactory(gaussian)({ brokenSampler: true });
    const warnings: string[] = [];
    const { result, report } = await trainRun({
      ...request("a", IMAGES),
      model,
      onWarning: (text) => warnings.push(text),
    });
    expect(result.step).toBe(30);
    expect(warnings).toEqual(["samples cannot be drawn: no samples today"]);
    expect(Object.keys(report?.figures ?? {})).toEqual(["loss"]);
    expect(await readFile(join(folder, "a", "report.html"), "utf8")).toContain("Not drawn: no samples today");
  });
});

describe("openRun", () => {
  const open = (out: string) =>
    openRun(join(folder, out), {
      findModel: () => gaussian as unknown as ModelPlugin,
      createEngine: async () => eager(),
    });

  it("samples without the data, as the trained session does", async () => {
    const { session } = await trainRun(request("a", IMAGES));
    const { session: opened, checkpoint, dataset } = await open("a");
    expect(checkpoint.step).toBe(30);
    expect(dataset.datum).toEqual(IMAGES);
    expect(await opened.sample({ n: 5, seed: 2 })).toEqual(await session.sample({ n: 5, seed: 2 }));
  });

  it("opens a run of before evaluations had a limit", async () => {
    await trainRun(request("a"));
    const path = join(folder, "a", "config.json");
    const { train, ...rest } = JSON.parse(await readFile(path, "utf8"));
    const { evaluateLimit, ...older } = train;
    expect(evaluateLimit).toBe(1000);
    await writeFile(path, JSON.stringify({ ...rest, train: older }));
    expect((await open("a")).checkpoint.step).toBe(30);
    const { description } = await trainRun({ ...request("a"), config: older, resume: "latest" });
    expect(description.train.evaluateLimit).toBe(1000);
  });

  it("names what a config.json lacks", async () => {
    await trainRun(request("a"));
    const path = join(folder, "a", "config.json");
    const { model: _, ...rest } = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify(rest));
    await expect(open("a")).rejects.toThrow(/config\.json is not a complete run description \(model: /);
  });
});
