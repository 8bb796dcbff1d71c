#!/usr/bin/env node
/**
 * Modes and sharp samples of GANs in the plane: a ring of 8 Gaussians and a grid of 25. A mode counts when at least a quarter of its share of samples lies
 * within 3 standard deviations of its centre.
 *
 *     node tools/bench/gan-2d.mjs [--data 8gaussians,25gaussians] [--seeds 3] [--steps 4000] [--engine onnx] [--set option=value …] [--train JSON]
 */
import { parseArgs } from "node:util";
import { train } from "@latentkit/core";
import { toy } from "@latentkit/datasets";
import { gan } from "@latentkit/gan";
import { createEngine } from "./engine.mjs";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "8gaussians,25gaussians" },
    seeds: { type: "string", default: "3" },
    steps: { type: "string" },
    engine: { type: "string", default: "onnx" },
    threads: { type: "string" },
    model: { type: "string", default: "{}" },
    train: { type: "string", default: "{}" },
  },
});
const SAMPLES = 10_000;
const TARGETS = {
  "8gaussians": {
    sigma: Math.SQRT1_2 / 2,
    centers: Array.from({ length: 8 }, (_, k) => [
      8 ** 0.5 * Math.cos((k * Math.PI) / 4),
      8 ** 0.5 * Math.sin((k * Math.PI) / 4),
    ]),
  },
  "25gaussians": {
    sigma: 0.05,
    centers: Array.from({ length: 25 }, (_, k) => [2 * (k % 5) - 4, 2 * Math.floor(k / 5) - 4]),
  },
};

/** Share of points near a centre, and how many centres have their share of them. */
function grade({ data }, { sigma, centers }) {
  const near = centers.map(() => 0);
  for (let i = 0; i < SAMPLES; i++) {
    const distances = centers.map(([x, y]) => Math.hypot(data[2 * i] - x, data[2 * i + 1] - y));
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest] < 3 * sigma) near[nearest]++;
  }
  const share = near.reduce((a, b) => a + b, 0) / SAMPLES;
  return { share, modes: near.filter((n) => n >= SAMPLES / centers.length / 4).length };
}

for (const name of values.data.split(",")) {
  const target = TARGETS[name];
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const engine = await createEngine(values.engine, values.threads);
    const cpu = process.cpuUsage();
    const { result, session, config } = await train({
      model: gan(JSON.parse(values.model)),
      data: toy(name),
      engine,
      seed,
      checkpointEvery: 0,
      onWarning: (warning) => console.log(`  ${warning}`),
      ...(values.steps ? { steps: Number(values.steps) } : {}),
      ...JSON.parse(values.train),
    });
    const { user } = process.cpuUsage(cpu);
    const { share, modes } = grade(await session.sample({ n: SAMPLES, seed: 1 }), target);
    console.log(
      `${name} seed ${seed}: ${modes}/${target.centers.length} modes, ${(100 * share).toFixed(1)} % of samples within 3 sd; ` +
        `${result.step} steps of ${config.batchSize} in ${result.trainSeconds.toFixed(1)} s (${(user / 1e6).toFixed(0)} CPU s)`,
    );
    await engine.dispose();
  }
}
