#!/usr/bin/env node
/**
 * A class-conditional diffusion model on MNIST: trained, then graded by the evaluation classifier. Prints a table and, last, one line of JSON.
 *
 *     node tools/bench/diffusion-mnist.mjs --out runs/diffusion-mnist [--steps 4500] [--engine tensorflow] [--precision bf16] [--model JSON] [--train JSON]
 *     node tools/bench/diffusion-mnist.mjs --run runs/diffusion-mnist [--samples 10000] [--sample '{"steps":10,"guidance":1.3}'] [--table 500] [--inpaint 500]
 *
 * The first form trains and grades, the second grades a run that is there. `--table N` measures N samples of every sampler at 5 to 100 evaluations of the
 * network, without guidance; `--inpaint N` completes the lower half of N test images. `--png FILE` draws 100 samples, a row for each digit, and FILE-inpainted.png. A guided step
 * evaluates the network with and without the class: 10 guided steps are 20 evaluations a picture.
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
  emaDecay: 0.998, // of 4500 updates, 0.999 would remember too many early ones
  evaluateEvery: 0,
  checkpointEvery: 500,
};
const BUDGETS = [5, 10, 20, 50, 100];
const CONFIDENT = 0.9;
const SIZE = 28 * 28;
const METRICS =
  "confidenceMnistCnn,rarestMnistCnn,commonestMnistCnn,labelAgreementMnistCnn,fidMnistCnn,kidMnistCnn,coverageMnistCnn,cas";

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    run: { type: "string" },
    checkpoint: { type: "string", default: "latest" },
    steps: { type: "string", default: "4500" },
    engine: { type: "string", default: "tensorflow" },
    precision: { type: "string" },
    threads: { type: "string" },
    model: { type: "string", default: "{}" },
    train: { type: "string", default: "{}" },
    samples: { type: "string", default: "10000" },
    sample: { type: "string", default: '{"steps":10,"guidance":1.3}' },
    metrics: { type: "string", default: METRICS },
    table: { type: "string", default: "0" },
    "table-sample": { type: "string", default: "{}" },
    samplers: { type: "string", default: SAMPLER_NAMES.join(",") },
    inpaint: { type: "string", default: "500" },
    "inpaint-sample": { type: "string", default: '{"sampler":"euler-ancestral","steps":20,"resample":4,"guidance":2}' },
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

const round = (value) => Number(value.toPrecision(4));

async function grade(session, sampling, limit, metrics) {
  const context = { session, dataset, split: dataset.splits.test, seed: 1, limit, sampling };
  const results = await evaluator.evaluate(context, metrics);
  return Object.fromEntries(
    Object.entries(results).map(([name, { value, stderr, realVsReal }]) => [
      name,
      { value: round(value), stderr: round(stderr), ...(realVsReal ? { real: round(realVsReal.value) } : {}) },
    ]),
  );
}

/** As many steps as a number of evaluations allows: samplers take one, two or four a step. */
function stepsOf({ model }, options, evaluations) {
  let steps = evaluations;
  while (model.sampling({ n: 1, options: { ...options, steps } }).steps > evaluations) steps--;
  return steps;
}

/** By sampler and number of evaluations: feature FID and the share of samples that are clearly one digit, as rows of a table in Markdown. */
async function table(session, n, options) {
  const cells = [];
  console.log(`| sampler | ${BUDGETS.join(" | ")} |\n|---|${"---|".repeat(BUDGETS.length)}`);
  for (const sampler of values.samplers.split(",")) {
    const row = [];
    for (const evaluations of BUDGETS) {
      const steps = stepsOf(session, { ...options, sampler }, evaluations);
      const graded = await grade(session, { ...options, sampler, steps }, n, ["fidMnistCnn", "confidenceMnistCnn"]);
      const { fidMnistCnn: fid, confidenceMnistCnn: share } = graded;
      row.push(`${fid.value.toFixed(1)}, ${(100 * share.value).toFixed(1)} %`);
      cells.push({ sampler, evaluations, steps, fid, share });
    }
    console.log(`| \`${sampler}\` | ${row.join(" | ")} |`);
  }
  const [{ fid, share }] = cells;
  console.log(`${n} samples a cell; real digits: ${fid.real}, ${(100 * share.real).toFixed(1)} %`);
  return cells;
}

/** The lower half of test images is filled in. @param told Whether the digit is told, as one does who asks for a 7. */
async function inpaint(session, n, told) {
  const [extractor] = builtinExtractors.filter(({ name }) => name === "mnist-cnn");
  const { x: init, label } = dataset.splits.test.gather(Int32Array.from({ length: n }, (_, i) => i));
  const mask = Float32Array.from({ length: SIZE }, (_, i) => (i >= SIZE / 2 ? 1 : 0));
  const options = { ...JSON.parse(values["inpaint-sample"]), ...(told ? {} : { guidance: 0 }) };
  const asked = told ? { label: Array.from(label.data) } : {};
  const inputs = { init, mask: hostTensor(mask, [1, 28, 28, 1]) };
  const x = await session.sample({ n, seed: 2, options, inputs, ...asked });
  let kept = true;
  for (let i = 0; i < x.data.length; i++) if (mask[i % SIZE] === 0 && x.data[i] !== init.data[i]) kept = false;
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
  console.log(`lower halves filled in, the digit ${told ? "told" : "not told"}: ${JSON.stringify(result)}`);
  return { result, x, init };
}

/** Ten test images below one another: whole, what is left of them, filled in without their digit being told, and with it. */
async function drawInpainting(path, untold, told) {
  const halves = Float32Array.from(told.init.data, (value, i) => (i % SIZE >= SIZE / 2 ? 0.25 : value));
  const rows = [told.init.data, halves, untold.x.data, told.x.data].map((data) =>
    Array.from(data.subarray(0, 10 * SIZE)),
  );
  writeFileSync(path, bytesOf(await drawData(hostTensor(rows.flat(), [40, 28, 28, 1]), dataset, 10)));
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
const pictures = Number(values.inpaint);
const untold = pictures > 0 ? await inpaint(session, pictures, false) : undefined;
const inpainted = pictures > 0 ? await inpaint(session, pictures, true) : undefined;
const rows =
  Number(values.table) > 0 ? await table(session, Number(values.table), JSON.parse(values["table-sample"])) : [];
if (values.png) {
  const label = Array.from({ length: 100 }, (_, i) => Math.floor(i / 10));
  const x = await session.sample({ n: 100, seed: 1, label, options });
  writeFileSync(values.png, bytesOf(await drawData(x, dataset, 10)));
  if (inpainted) await drawInpainting(values.png.replace(/(\.png)?$/, "-inpainted.png"), untold, inpainted);
}
await engine.dispose();
console.log(
  JSON.stringify({
    training,
    checkpoint: checkpoint.name,
    options,
    graded,
    inpainting: { untold: untold?.result, told: inpainted?.result },
    table: rows,
  }),
);
