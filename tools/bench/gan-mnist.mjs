#!/usr/bin/env node
/**
 * A GAN on MNIST, graded by the evaluation classifier: confidence, class balance, feature FID beside its real-vs-real floor, and health.
 *
 *     node tools/bench/gan-mnist.mjs [--seeds 3] [--minutes 15] [--steps N] [--model '{"preset":"r3gan"}'] [--train '{}'] [--engine onnx] [--png FILE]
 *
 * Training stops after so many minutes, or steps. Conditional models are graded by their agreement with the label too.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { train } from "@latentkit/core";
import { bytesOf, drawData } from "@latentkit/core/node";
import { mnist } from "@latentkit/datasets";
import { builtinExtractors } from "@latentkit/evaluation-classifiers";
import { gan } from "@latentkit/gan";
import { createEngine } from "./engine.mjs";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "3" },
    minutes: { type: "string", default: "15" },
    steps: { type: "string", default: "1000000" },
    model: { type: "string", default: "{}" },
    train: { type: "string", default: "{}" },
    engine: { type: "string", default: "onnx" },
    threads: { type: "string" },
    png: { type: "string" },
  },
});
const SAMPLES = 10_000;

for (let seed = 0; seed < Number(values.seeds); seed++) {
  const engine = await createEngine(values.engine, values.threads);
  const stop = new AbortController();
  const started = performance.now();
  const cpu = process.cpuUsage();
  const run = await train({
    model: gan(JSON.parse(values.model)),
    data: mnist(),
    engine,
    seed,
    steps: Number(values.steps),
    checkpointEvery: 0,
    extractors: builtinExtractors,
    signal: stop.signal,
    onProgress: () => {
      if (performance.now() - started > 60_000 * Number(values.minutes)) stop.abort();
    },
    ...JSON.parse(values.train),
  });
  const { user } = process.cpuUsage(cpu);
  const { step, trainSeconds } = run.result;
  console.log(
    `seed ${seed}: ${step} steps in ${trainSeconds.toFixed(0)} s of training, ${(user / 1e6).toFixed(0)} CPU s`,
  );
  const health = await run.evaluate(undefined, { limit: 1000 });
  const graded = await run.evaluate(["samples"], { limit: SAMPLES });
  for (const [name, { value, stderr, n, unit, realVsReal }] of Object.entries({ ...health, ...graded })) {
    const error = Number.isFinite(stderr) ? ` ± ${stderr.toPrecision(2)}` : "";
    const real = realVsReal ? `, real data ${realVsReal.value.toPrecision(4)}` : "";
    console.log(`  ${name.padEnd(24)} ${value.toPrecision(4)}${error} ${unit} (n ${n}${real})`);
  }
  if (values.png) {
    const drawing = await drawData(await run.sample({ n: 100, seed: 1 }), run.dataset);
    writeFileSync(values.png.replace(/(\.png)?$/, `-${seed}.png`), bytesOf(drawing));
  }
  await engine.dispose();
}
