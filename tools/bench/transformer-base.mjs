#!/usr/bin/env node
/**
 * The preset transformer-base learns one batch by heart: words of the CMU pronouncing dictionary and their phonemes. Prints the loss now and then,
 * nats a token, beside the least that label smoothing lets it be, and, last, one line of JSON. The optimizer is the preset's but for a shorter warm-up to a lower
 * rate, since all of this is over before the preset's 4000 updates of warm-up; without dropout, which keeps a loss from its floor.
 *
 *     node tools/bench/transformer-base.mjs [--steps 100] [--batch 8] [--warmup 100] [--engine tensorflow] [--seed 0]
 */
import { parseArgs } from "node:util";
import { arTransformer, smoothingFloor } from "@latentkit/ar-transformer";
import { train } from "@latentkit/core";
import { cmudict } from "@latentkit/datasets";
import { engineOf } from "./flow-options.mjs";

/** Nats a token above the floor that the loss must come below. */
const TARGET = 0.1;

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "100" },
    batch: { type: "string", default: "8" },
    warmup: { type: "string", default: "100" },
    engine: { type: "string", default: "tensorflow" },
    seed: { type: "string", default: "0" },
  },
});
const [steps, batchSize, warmup, seed] = ["steps", "batch", "warmup", "seed"].map((name) => Number(values[name]));

/** The data with nothing but the first examples of the training split in both splits. */
function firstExamples(source, size) {
  const few = (split) => ({ ...split, size, gather: (indices) => split.gather(indices) });
  return {
    ...source,
    load: async (seed) => {
      const dataset = await source.load(seed);
      const split = few(dataset.splits.train);
      return { ...dataset, splits: { train: split, test: split } };
    },
  };
}

const engine = await engineOf(values.engine);
const cpu = process.cpuUsage();
const data = firstExamples(cmudict({ maxSource: 12, maxTarget: 12 }), batchSize);
const losses = [];
const run = await train({
  model: arTransformer({ preset: "transformer-base", dropout: 0 }),
  data,
  engine,
  steps,
  seed,
  batchSize,
  emaDecay: 0,
  checkpointEvery: 0,
  optimizer: { warmup, learningRate: 0.1 }, // at most 4.4e-4
  onProgress: ({ step, metrics }) => {
    losses.push(metrics.loss);
    if (step % 20 === 0) console.error(`step ${step}: ${metrics.loss.toFixed(4)} nats a token`);
  },
});
const { loss: unsmoothed } = await run.evaluate(["loss"]);
const { user, system } = process.cpuUsage(cpu);
const floor = smoothingFloor(0.1, run.dataset.datum.vocabulary);
const last = losses.at(-1);
const above = last - floor;
const round = (value) => Number(value.toFixed(4));
console.log(`${last.toFixed(4)} nats a token, the floor is ${floor.toFixed(4)}: ${above.toFixed(4)} above it`);
console.log(
  JSON.stringify({
    engine: engine.name,
    steps,
    batchSize,
    seed,
    loss: round(last),
    floor: round(floor),
    above: round(above),
    target: TARGET,
    reached: above < TARGET,
    evaluated: round(unsmoothed.value),
    stepsToReach: losses.findIndex((loss) => loss - floor < TARGET) + 1,
    trainSeconds: round(run.result.trainSeconds),
    cpuSeconds: round((user + system) / 1e6),
  }),
);
await engine.dispose();
