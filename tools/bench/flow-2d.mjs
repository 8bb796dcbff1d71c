#!/usr/bin/env node
/**
 * Neural spline flow on points of the plane with known entropy: test negative log-likelihood in nats, seconds of training.
 *
 *     node tools/bench/flow-2d.mjs [--data 8gaussians,checkerboard] [--seeds 1] [--steps 2000] [--engine onnx] [--set layers=6]
 */
import { parseArgs } from "node:util";
import { train } from "@latentkit/core";
import { toy } from "@latentkit/datasets";
import { nsf } from "@latentkit/flow";
import { engineOf, settings } from "./flow-options.mjs";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "8gaussians,checkerboard" },
    seeds: { type: "string", default: "1" },
    steps: { type: "string", default: "2000" },
    batch: { type: "string", default: "256" },
    rate: { type: "string", default: "2e-3" },
    engine: { type: "string", default: "onnx" },
    set: { type: "string", multiple: true, default: [] },
  },
});

for (const name of values.data.split(",")) {
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const engine = await engineOf(values.engine);
    const cpu = process.cpuUsage();
    const run = await train({
      model: nsf({ layers: 5, width: 64, ...settings(values.set) }),
      data: toy(name, { test: 100_000 }), // 10,000 points have a sampling error of 0.01 nats
      engine,
      seed,
      steps: Number(values.steps),
      batchSize: Number(values.batch),
      emaDecay: 0.99,
      optimizer: { learningRate: Number(values.rate), schedule: "cosine", clipNorm: 5 },
      checkpointEvery: 0,
    });
    const { user, system } = process.cpuUsage(cpu);
    const { logProb, inversionError } = run.result.metrics;
    const facts = [
      `${(-logProb.value).toFixed(4)} ± ${logProb.stderr.toFixed(4)} nats, floor ${run.dataset.entropy.toFixed(4)}`,
      `inversion error ${inversionError.value.toExponential(1)}`,
      `${run.result.trainSeconds.toFixed(0)} s of training, ${((user + system) / 1e6).toFixed(0)} s of CPU`,
    ];
    console.log(`${name} seed ${seed}: ${facts.join("; ")}`);
    await engine.dispose();
  }
}
