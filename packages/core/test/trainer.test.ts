import { eager, type HostTensor, hostTensor } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { MemoryCheckpointStore } from "../src/checkpoint.js";
import { type Clock, systemClock } from "../src/clock.js";
import type { Dataset } from "../src/data.js";
import { Evaluator } from "../src/evaluator.js";
import { MemorySink } from "../src/log.js";
import type { EvaluationProgress } from "../src/metric.js";
import type { GenerativeModel } from "../src/model.js";
import { parseOptions } from "../src/options.js";
import { syntheticDataset } from "../src/testing/synthetic.js";
import { type TrainConfigInput, trainConfigSchema } from "../src/train-config.js";
import { type FitRequest, Trainer } from "../src/trainer.js";
import { gaussianPlugin } from "./gaussian.js";

const datum = { kind: "continuous" as const, shape: [2] };
const model = gaussianPlugin.create({ spread: 1 }, datum);

function fitGaussian(
  options: TrainConfigInput,
  rest: Partial<FitRequest> = {},
  services: { checkpoints?: MemoryCheckpointStore; sink?: MemorySink; clock?: Clock } = {},
) {
  const trainer = new Trainer({
    clock: services.clock ?? systemClock,
    checkpoints: services.checkpoints ?? new MemoryCheckpointStore(),
    sink: services.sink ?? new MemorySink(),
    evaluator: new Evaluator(),
  });
  const config = parseOptions("test", trainConfigSchema, { batchSize: 8, ...options });
  return trainer.fit({ model, dataset: syntheticDataset(datum), engine: eager(), config, ...rest });
}

/** The data set with one value of the first example replaced. */
function spoiled(value: number): Dataset {
  const dataset = syntheticDataset(datum);
  const { train } = dataset.splits;
  const gather = (indices: ArrayLike<number>): Record<string, HostTensor> => {
    const { x } = train.gather(indices) as { x: HostTensor };
    const data = x.data.slice() as Float32Array;
    const row = Array.from(indices).indexOf(0);
    if (row >= 0) data[row * 2] = value;
    return { x: hostTensor(data, x.shape) };
  };
  return { ...dataset, splits: { ...dataset.splits, train: { ...train, gather } } };
}

describe("Trainer", () => {
  it("reaches the maximum-likelihood mean", async () => {
    const { session, metrics } = await fitGaussian({ steps: 400, optimizer: { learningRate: 0.05 } });
    const values = await session.store.read(["params.mu"]);
    const mean = [0, 0];
    const { x } = syntheticDataset(datum).splits.train.gather([...Array(64).keys()]) as { x: HostTensor };
    for (let i = 0; i < 128; i++) mean[i % 2] = (mean[i % 2] as number) + (x.data[i] as number) / 64;
    const mu = values.get("params.mu")?.data as Float32Array;
    expect(mu[0]).toBeCloseTo(mean[0] as number, 1);
    expect(mu[1]).toBeCloseTo(mean[1] as number, 1);
    expect(metrics.logProb?.n).toBe(64);
    expect(metrics.logProb?.stderr).toBeGreaterThan(0);
  });

  it("skips an update with a non-finite gradient and leaves everything but the count as it was", async () => {
    const run = async (dataset: Dataset, steps: number) => {
      const { session } = await fitGaussian({ steps, batchSize: 64, emaDecay: 0.9 }, { dataset });
      return session.store.read(session.store.specs().keys());
    };
    const start = await run(spoiled(Number.NaN), 1);
    const later = await run(spoiled(Number.NaN), 3);
    for (const [path, tensor] of later) {
      if (path.startsWith("guard.")) continue;
      expect(tensor, path).toEqual(start.get(path));
    }
    expect(later.get("guard.nll.skippedInARow")?.data[0]).toBe(3);
  });

  it("stops with one clear line after too many skipped updates in a row", async () => {
    const diverging = fitGaussian(
      { steps: 100, batchSize: 64, maxSkipped: 5 },
      { dataset: spoiled(Number.POSITIVE_INFINITY) },
    );
    await expect(diverging).rejects.toThrow(/training diverged: 5 updates in a row .*step 5.*learningRate/);
  });

  it("recovers from a single bad batch", async () => {
    const sink = new MemorySink();
    await fitGaussian({ steps: 16, logEvery: 1 }, { dataset: spoiled(Number.NaN) }, { sink });
    const skipped = sink.series("train/skipped").map(({ value }) => value);
    expect(skipped.at(-1)).toBe(2);
  });

  it("saves on abort, and resumes to the same bytes", async () => {
    const whole = await fitGaussian({ steps: 20 });
    const checkpoints = new MemoryCheckpointStore();
    const controller = new AbortController();
    const onProgress = ({ step }: { step: number }) => step === 7 && controller.abort();
    const stopped = await fitGaussian({ steps: 20 }, { signal: controller.signal, onProgress }, { checkpoints });
    expect(stopped.interrupted).toBe(true);
    expect(stopped.step).toBeLessThan(20);
    const resumed = await fitGaussian({ steps: 20 }, { resume: "latest" }, { checkpoints });
    const all = (r: typeof whole) => r.session.store.read([...r.session.store.specs().keys()].sort());
    expect(await all(resumed)).toEqual(await all(whole));
  });

  it("refuses a batch larger than the data and a checkpoint of another model", async () => {
    await expect(fitGaussian({ batchSize: 65 })).rejects.toThrow("batchSize 65 is larger than the data (64 examples)");
    const checkpoints = new MemoryCheckpointStore();
    await fitGaussian({ steps: 1 }, {}, { checkpoints });
    const other = { ...datum, shape: [3] };
    const wrong = fitGaussian(
      { steps: 2 },
      { resume: "latest", model: gaussianPlugin.create({ spread: 1 }, other), dataset: syntheticDataset(other) },
      { checkpoints },
    );
    await expect(wrong).rejects.toThrow(/params\.mu is float32\[2\], the model needs float32\[3\]/);
  });

  it("names a parameter that its objective does not reach", async () => {
    const broken: GenerativeModel = {
      ...model,
      init: () => ({
        params: { mu: tf.zeros([2]), logSigma: tf.zeros([2]), unused: { kernel: tf.zeros([1]) } },
        state: {},
      }),
      objectives: [
        { ...(model.objectives[0] as GenerativeModel["objectives"][number]), trains: ["mu", "logSigma", "unused"] },
      ],
    };
    await expect(fitGaussian({ steps: 1 }, { model: broken })).rejects.toThrow(
      /trains unused\.kernel, but its loss does not depend on it/,
    );
  });

  it("runs an objective every so many steps only", async () => {
    const [objective] = model.objectives as [GenerativeModel["objectives"][number]];
    const two: GenerativeModel = {
      ...model,
      objectives: [
        { ...objective, name: "often", trains: ["mu"] },
        { ...objective, name: "seldom", trains: ["logSigma"], every: 3 },
      ],
    };
    const { session } = await fitGaussian({ steps: 7 }, { model: two });
    const counts = await session.store.read(["optimizer.often.count", "optimizer.seldom.count"]);
    expect([...counts.values()].map(({ data }) => data[0])).toEqual([7, 3]);
  });
});

describe("evaluations", () => {
  const OFTEN = { steps: 20, evaluateEvery: 10 };

  it("on the way are estimates on a part of the test split, at the end of all of it", async () => {
    const sink = new MemorySink();
    const seen: [step: number, n: number | undefined][] = [];
    const onEvaluate: FitRequest["onEvaluate"] = (step, { logProb }) => void seen.push([step, logProb?.n]);
    const limited = await fitGaussian({ ...OFTEN, evaluateLimit: 16 }, { onEvaluate }, { sink });
    expect(seen).toEqual([
      [10, 16],
      [20, 64],
    ]);
    expect(sink.series("test/examples").map(({ value }) => value)).toEqual([16, 64]);
    for (const evaluateLimit of [0, 64, 1000]) {
      const whole = await fitGaussian({ ...OFTEN, evaluateLimit }, { onEvaluate });
      expect(whole.metrics).toEqual(limited.metrics);
    }
    expect(seen.slice(2).every(([, n]) => n === 64)).toBe(true);
  });

  it("measure the same examples every time, not the first ones", async () => {
    const sink = new MemorySink();
    const still = { steps: 3, evaluateEvery: 1, evaluateLimit: 16, optimizer: { learningRate: 1e-12 } };
    await fitGaussian(still, {}, { sink });
    const [first, second, whole] = sink.series("test/logProb").map(({ value }) => value) as [number, number, number];
    expect(second).toBeCloseTo(first, 6);
    expect(whole).not.toBeCloseTo(first, 3);
    await fitGaussian(still, { evaluateLimit: 16 }, { sink });
    const [firstRows] = sink.series("test/logProb").slice(3);
    expect(firstRows?.value).not.toBeCloseTo(first, 3);
  });

  it("are limited at the end too when the request says so", async () => {
    const sink = new MemorySink();
    const { metrics } = await fitGaussian({ ...OFTEN, evaluateLimit: 32 }, { evaluateLimit: 8 }, { sink });
    expect(metrics.logProb?.n).toBe(8);
    expect(sink.series("test/examples").map(({ value }) => value)).toEqual([8, 8]);
  });

  it("compare the last checkpoint with the others by what was measured on the same examples", async () => {
    const checkpoints = new MemoryCheckpointStore();
    const still = { optimizer: { learningRate: 1e-12 }, evaluateLimit: 16, checkpointEvery: 10 };
    await fitGaussian({ ...OFTEN, ...still }, {}, { checkpoints });
    const [before, last] = (await checkpoints.list()).map(({ meta }) => meta.metric);
    expect(last).toBeCloseTo(before as number, 6);
  });

  it("tell how far they are, compiling included", async () => {
    const told: EvaluationProgress[] = [];
    const onEvaluationProgress = (progress: EvaluationProgress) => void told.push(progress);
    await fitGaussian({ steps: 1 }, { onEvaluationProgress, model: { ...model, evaluationBatch: 24 } });
    expect(told.map(({ done }) => done)).toEqual([0, 0, 24, 48]);
    expect(told[0]).toEqual({ metric: "logProb", done: 0, examples: 64 });
  });

  it.each([
    ["on the way", OFTEN, 10],
    ["at the end", { steps: 20 }, 20],
  ])("stopped %s leave a checkpoint, and a resumed run is as one that nobody stopped", async (_, options, step) => {
    const checkpoints = new MemoryCheckpointStore();
    const controller = new AbortController();
    const stopped = await fitGaussian(
      options,
      {
        signal: controller.signal,
        model: { ...model, evaluationBatch: 24 },
        onEvaluationProgress: ({ done }) => done === 24 && controller.abort(),
        onEvaluate: () => expect.unreachable(),
      },
      { checkpoints },
    );
    expect(stopped).toMatchObject({ interrupted: true, step, metrics: {} });
    expect((await checkpoints.list()).map((info) => info.step)).toEqual([step]);
    const resumed = await fitGaussian(options, { resume: "latest" }, { checkpoints });
    const whole = await fitGaussian(options);
    expect(resumed).toMatchObject({ interrupted: false, step: 20, metrics: whole.metrics });
  });
});

/** A clock that is asked a few times an update and goes on by 50 ms each time. */
function tickingClock(): Clock {
  let now = 0;
  const tick = () => (now += 50);
  return { now: tick, wallTime: tick };
}

describe("a time limit", () => {
  const clock = tickingClock();

  it("ends a run with its evaluation and a checkpoint, and counts the time before a resume", async () => {
    const checkpoints = new MemoryCheckpointStore();
    const limited = await fitGaussian({ steps: 10_000, minutes: 0.05 }, {}, { clock, checkpoints });
    expect(limited).toMatchObject({ outOfTime: true, interrupted: false, steps: 10_000 });
    expect(limited.step).toBeGreaterThan(3);
    expect(limited.step).toBeLessThan(100);
    expect(limited.metrics.logProb?.n).toBe(64);
    expect(limited.trainSeconds).toBeGreaterThanOrEqual(3);
    const again = await fitGaussian({ steps: 10_000, minutes: 0.05 }, { resume: "latest" }, { clock, checkpoints });
    expect(again.step).toBe(limited.step); // no time is left
    const longer = await fitGaussian({ steps: 10_000, minutes: 0.1 }, { resume: "latest" }, { clock, checkpoints });
    expect(longer.step).toBeGreaterThan(limited.step);
  });

  it("sets the number of updates where nothing else does, so that a schedule ends with it", async () => {
    const sink = new MemorySink();
    const { step, steps, outOfTime, trainSeconds } = await fitGaussian(
      { minutes: 0.2, optimizer: { learningRate: 0.01, schedule: "cosine" } },
      {},
      { clock, sink },
    );
    expect(step === steps || outOfTime).toBe(true);
    expect(trainSeconds).toBeGreaterThan(4);
    expect(trainSeconds).toBeLessThan(12.5);
    expect(sink.series("train/seconds").at(-1)?.value).toBeLessThanOrEqual(trainSeconds);
  });

  it("compiles once for the trial and the run, which is to the byte what a run of so many updates is", async () => {
    const engine = eager();
    const names: string[] = [];
    const counting = Object.assign(Object.create(engine) as typeof engine, {
      compile(...args: Parameters<typeof engine.compile>) {
        names.push([...args[0].states].some(({ path }) => path.startsWith("optimizer.")) ? "update" : "other");
        return engine.compile(...args);
      },
    });
    const options = { optimizer: { learningRate: 0.01, schedule: "cosine", warmup: 0.1 } } as const;
    const trainer = new Trainer({
      clock,
      checkpoints: new MemoryCheckpointStore(),
      sink: new MemorySink(),
      evaluator: new Evaluator(),
    });
    const config = parseOptions("test", trainConfigSchema, { batchSize: 8, minutes: 0.2, ...options });
    const trial = await trainer.trial({ model, dataset: syntheticDataset(datum), engine: counting, config });
    const timed = await fitGaussian(options, { engine: counting, trial: { ...trial, steps: 20 } });
    expect(names.filter((name) => name === "update")).toHaveLength(3); // two first states, one training step
    expect(timed.step).toBe(20);
    const counted = await fitGaussian({ steps: 20, ...options });
    const all = (r: typeof timed) => r.session.store.read([...r.session.store.specs().keys()].sort());
    expect(await all(timed)).toEqual(await all(counted));
  });
});
