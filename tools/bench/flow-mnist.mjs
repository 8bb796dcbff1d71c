#!/usr/bin/env node
/**
 * Glow on MNIST, uniform dequantisation: bits a dimension of test images against seconds of training and of CPU.
 *
 *     node tools/bench/flow-mnist.mjs [--minutes 60] [--engine tensorflow] [--set scales=2] [--eval 1000] [--out runs/flow-mnist] [--data fashion-mnist]
 *
 * `--out` keeps checkpoints, from which `--resume` goes on after a stop; its minutes and seconds count anew.
 *
 * `--steps` fixes the schedule's length; training stops at the end of it or of the minutes. The published numbers to compare with are 1.078
 * (335,128 parameters), 1.041 with variational dequantisation and 1.021 with scales: UvA deep learning tutorial 11.
 */
import { parseArgs } from "node:util";
import {
  createModel,
  Evaluator,
  MemoryCheckpointStore,
  parameterCount,
  probabilityBelow,
  systemClock,
  Trainer,
  trainConfigSchema,
} from "@latentkit/core";
import { FileCheckpointStore } from "@latentkit/core/node";
import { fashionMnist, mnist } from "@latentkit/datasets";
import { flow } from "@latentkit/flow";
import { engineOf, settings } from "./flow-options.mjs";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    steps: { type: "string", default: "6000" },
    batch: { type: "string", default: "128" },
    rate: { type: "string", default: "2e-3" },
    log: { type: "string", default: "50" },
    every: { type: "string", default: "250" },
    eval: { type: "string", default: "1000" },
    engine: { type: "string", default: "tensorflow" },
    set: { type: "string", multiple: true, default: [] },
    data: { type: "string", default: "mnist" },
    out: { type: "string" },
    resume: { type: "boolean" },
  },
});

const engine = await engineOf(values.engine);
const sources = { mnist, "fashion-mnist": fashionMnist };
const data = await sources[values.data]().load(0);
const model = createModel(flow({ model: "glow", ...settings(values.set) }), data);
const config = trainConfigSchema.parse({
  steps: Number(values.steps),
  batchSize: Number(values.batch),
  evaluateEvery: 0,
  logEvery: Number(values.log),
  checkpointEvery: Number(values.every),
  emaDecay: 0.999,
  optimizer: {
    learningRate: Number(values.rate),
    schedule: "cosine",
    warmup: Math.min(100, Math.floor(Number(values.steps) / 10)),
    clipNorm: 100,
  },
});
const stop = new AbortController();
const start = process.cpuUsage();
const began = performance.now();
const store = values.out ? new FileCheckpointStore(values.out) : new MemoryCheckpointStore({ keepLast: 1 });
const trainer = new Trainer({
  clock: systemClock,
  checkpoints: store,
  sink: { scalars: report, close: async () => {} },
  evaluator: new Evaluator(),
});
function cpuSeconds() {
  const { user, system } = process.cpuUsage(start);
  return Math.round((user + system) / 1e6);
}
function report(step, scalars) {
  const bits = scalars["train/bitsPerDim"];
  if (bits === undefined) return; // an evaluation
  console.log(
    `step ${step}: train ${bits.toFixed(4)} bits/dim; ${cpuSeconds()} s of CPU, ${((performance.now() - began) / 1000).toFixed(0)} s`,
  );
  if (performance.now() - began > 60_000 * Number(values.minutes)) stop.abort();
}
const result = await trainer.fit({
  model,
  dataset: data,
  engine,
  config,
  signal: stop.signal,
  ...(values.resume ? { resume: "latest" } : {}),
});
console.log(
  `${parameterCount(result.specs)} parameters, ${result.step} steps, ${result.trainSeconds.toFixed(0)} s of training, ${cpuSeconds()} s of CPU`,
);
const context = {
  session: result.session,
  dataset: data,
  split: data.splits.test,
  seed: 0,
  limit: Number(values.eval),
};
const metrics = await new Evaluator().evaluate(context, ["bitsPerDim", "importanceBitsPerDim"]);
for (const [name, { value, stderr, n, note }] of Object.entries(metrics))
  console.log(`${name} ${value.toPrecision(5)} ± ${stderr.toPrecision(2)}, n ${n} ${note ?? ""}`);
await compareWithOther();
for (const round of ["first, compiled", "second"]) {
  const from = performance.now();
  await result.session.sample({ n: 64, seed: 1 });
  console.log(`64 samples (${round}): ${((performance.now() - from) / 1000).toFixed(2)} s`);
}
await engine.dispose();

/** How the other data set ranks: mean bounds, and the share of pairs in which the model's own data are likelier (area under the ROC curve). */
async function compareWithOther() {
  const name = Object.keys(sources).find((other) => other !== values.data);
  const other = await sources[name]().load(0);
  const options = { seed: 0, limit: Number(values.eval) };
  const [own, foreign] = await Promise.all(
    [data, other].map(({ splits }) => result.session.perExample(model.elbo, splits.test, options)),
  );
  const bits = ({ data }) => -data.reduce((a, b) => a + b, 0) / data.length / (784 * Math.LN2);
  const { value: area } = probabilityBelow(foreign.data, own.data);
  console.log(
    `${values.data} ${bits(own).toFixed(3)} bits/dim, ${name} ${bits(foreign).toFixed(3)} bits/dim, area ${area.toFixed(4)}`,
  );
}
