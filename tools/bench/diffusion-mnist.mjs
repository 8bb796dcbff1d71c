#!/usr/bin/env node
/**
 * A class-conditional diffusion model on MNIST: trained, then graded by the evaluation classifier. Prints a table and, last, one line of JSON.
 *
 *     node tools/bench/diffusion-mnist.mjs --out runs/diffusion-mnist [--steps 10000] [--engine tensorflow] [--precision bf16] [--model JSON] [--train JSON]
 *     node tools/bench/diffusion-mnist.mjs --run runs/diffusion-mnist [--samples 10000] [--sample '{"steps":20,"guidance":1.5}'] [--table 1000] [--inpaint 1000]
 *
 * The first form trains and grades, the second grades a run that is there. `--table N` measures N samples of every sampler at 5 to 100 evaluations of the
 * network; `--inpaint N` completes the lower half of N test images. `--png FILE` draws 100 samples, a row for each digit.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createEvaluator, hostTensor } from "@latentkit/core";
import { bytesOf, drawData, openRun, trainRun } from "@latentkit/core/node";
import { mnist } from "@latentkit/datasets";
import { diffusion, diffusionPlugin, SAMPLER_NAMES } from "@latentkit/diffusion";
import { builtinExtractors } from "@latentkit/evaluation-classifiers";
import { createEngine } from "./engine.mjs";

/** A U-Net whose convolutions at 28x28 are narrow: there most of the time goes. */
const MODEL = { conditional: true, unet: { blockOutChannels: [32, 32, 64] } };
const TRAINING = {
  batchSize: 64,
  optimizer: { name: "adam", learningRate: 1.5e-3, schedule: "cosine", warmup: 200, clipNorm: 1 },
  evaluateEvery: 2000,
  checkpointEvery: 500,
};
/** Evaluations of the network that a step of a sampler takes; one when absent. */
const EVALUATIONS = { heun: 2, "flow-midpoint": 2, "flow-rk4": 4 };
const BUDGETS = [5, 10, 20, 50, 100];
const CONFIDENT = 0.9;

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    run: { type: "string" },
    checkpoint: { type: "string", default: "latest" },
    steps: { type: "string", default: "10000" },
    engine: { type: "string", default: "tensorflow" },
    precision: { type: "string" },
    threads: { type: "string" },
    model: { type: "string", default: "{}" },
    train: { type: "string", default: "{}" },
    samples: { type: "string", default: "10000" },
    sample: { type: "string", default: '{"steps":20,"guidance":1.5}' },
    metrics: { type: "string", default: "samples" },
    table: { type: "string", default: "0" },
    samplers: { type: "string", default: SAMPLER_NAMES.join(",") },
    inpaint: { type: "string", default: "1000" },
    png: { type: "string" },
  },
});

const engine = await createEngine(values.engine, values.threads, values.precision);
const dataset = await mnist().load(0);
const evaluator = createEvaluator({ extractors: builtinExtractors });
const cpuSeconds = () => process.cpuUsage().user / 1e6;

/** Trains into `--out`. */
async function train() {
  const begun = cpuSeconds();
  const { result } = await trainRun({
    model: diffusion({ ...MODEL, ...JSON.parse(values.model) }),
    data: mnist(),
    engine,
    out: values.out,
    overwrite: true,
    config: { ...TRAINING, steps: Number(values.steps), ...JSON.parse(values.train) },
    onWarning: (warning) => console.error(warning),
    onEvaluate: (step) => console.error(`step ${step}: ${(cpuSeconds() - begun).toFixed(0)} s of cpu`),
  });
  const cpu = cpuSeconds() - begun;
  console.log(`${result.step} steps in ${result.trainSeconds.toFixed(0)} s of training, ${cpu.toFixed(0)} s of cpu`);
  return { steps: result.step, trainSeconds: result.trainSeconds, cpuSeconds: cpu };
}

/** A session whose samples are always asked for with these options. */
const withOptions = (session, options) =>
  Object.assign(Object.create(session), { sample: (request) => session.sample({ ...request, options }) });

const round = (value) => Number(value.toPrecision(4));

async function grade(session, options, limit, metrics) {
  const context = { session: withOptions(session, options), dataset, split: dataset.splits.test, seed: 1, limit };
  const results = await evaluator.evaluate(context, metrics);
  return Object.fromEntries(
    Object.entries(results).map(([name, { value, stderr, realVsReal }]) => [
      name,
      { value: round(value), stderr: round(stderr), ...(realVsReal ? { real: round(realVsReal.value) } : {}) },
    ]),
  );
}

/** Samples by sampler and number of evaluations: confident, of the class asked for, and how near to real ones. */
async function table(session, n, options) {
  const rows = [];
  for (const sampler of values.samplers.split(",")) {
    for (const budget of BUDGETS) {
      const steps = Math.floor(budget / (EVALUATIONS[sampler] ?? 1));
      if (steps < 1) continue;
      const asked = { ...options, sampler, steps };
      const metrics = ["confidenceMnistCnn", "labelAgreementMnistCnn", "kidMnistCnn"];
      const [confidence, agreement, kid] = Object.values(await grade(session, asked, n, metrics)).map((m) => m.value);
      rows.push({ sampler, evaluations: budget, confidence, agreement, kid });
      console.log(
        `${sampler.padEnd(16)} ${String(budget).padStart(3)} evaluations: confident ${confidence}, agreement ${agreement}, KID ${kid}`,
      );
    }
  }
  return rows;
}

/** The lower half of test images is filled in, without telling the digit. */
async function inpaint(session, n) {
  const [extractor] = builtinExtractors.filter(({ name }) => name === "mnist-cnn");
  const { x: init, label } = dataset.splits.test.gather(Int32Array.from({ length: n }, (_, i) => i));
  const mask = Float32Array.from({ length: 28 * 28 }, (_, i) => (i >= 14 * 28 ? 1 : 0));
  const options = { ...JSON.parse(values.sample), guidance: 0 };
  const x = await session.sample({ n, seed: 2, options, inputs: { init, mask: hostTensor(mask, [1, 28, 28, 1]) } });
  let kept = true;
  for (let i = 0; i < x.data.length; i++) if (mask[i % 784] === 0 && x.data[i] !== init.data[i]) kept = false;
  const open = await extractor.open(engine);
  const { probabilities } = await open.extract(x);
  await open.dispose();
  const rows = Array.from({ length: n }, (_, i) => Array.from(probabilities.data.subarray(10 * i, 10 * i + 10)));
  const share = (test) => round(rows.filter(test).length / n);
  const result = {
    n,
    knownPixelsKept: kept,
    confident: share((row) => Math.max(...row) > CONFIDENT),
    asTheOriginal: share((row, i) => row.indexOf(Math.max(...row)) === label.data[i]),
  };
  console.log(`lower halves filled in: ${JSON.stringify(result)}`);
  return { result, x, init };
}

const training = values.out ? await train() : undefined;
const path = values.out ?? values.run;
const { session, checkpoint } = await openRun(path, {
  findModel: () => diffusionPlugin,
  createEngine: async () => engine,
  checkpoint: /^\d+$/.test(values.checkpoint) ? Number(values.checkpoint) : values.checkpoint,
});
const options = JSON.parse(values.sample);
console.log(`checkpoint ${checkpoint.name}, sampling with ${JSON.stringify(options)}`);
const before = performance.now();
const n = Number(values.samples);
const graded = n > 0 ? await grade(session, options, n, values.metrics.split(",")) : {};
for (const [name, { value, stderr, real }] of Object.entries(graded))
  console.log(
    `  ${name.padEnd(26)} ${value}${Number.isNaN(stderr) ? "" : ` ± ${stderr}`}${real === undefined ? "" : `, real data ${real}`}`,
  );
if (n > 0) console.log(`  ${((performance.now() - before) / 1000).toFixed(0)} s of sampling and grading`);
const inpainted = Number(values.inpaint) > 0 ? await inpaint(session, Number(values.inpaint)) : undefined;
const rows = Number(values.table) > 0 ? await table(session, Number(values.table), { guidance: options.guidance }) : [];
if (values.png) {
  const label = Array.from({ length: 100 }, (_, i) => Math.floor(i / 10));
  const x = await session.sample({ n: 100, seed: 1, label, options });
  writeFileSync(values.png, bytesOf(await drawData(x, dataset, 10)));
  if (inpainted) {
    const first = { ...inpainted.x, shape: [40, 28, 28, 1], data: inpainted.x.data.slice(0, 40 * 784) };
    writeFileSync(values.png.replace(/(\.png)?$/, "-inpainted.png"), bytesOf(await drawData(first, dataset, 10)));
  }
}
await engine.dispose();
console.log(
  JSON.stringify({
    training,
    checkpoint: checkpoint.name,
    options,
    graded,
    inpainting: inpainted?.result,
    table: rows,
  }),
);
