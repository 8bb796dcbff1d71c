#!/usr/bin/env node
/**
 * Diffusion in the plane. 8gaussians: modes found, and the share of samples within 3 standard deviations of one. Other sets: maximum mean discrepancy to the
 * test split, as a multiple of that between training and test split (the floor: the data against themselves).
 *
 *     node tools/bench/diffusion-2d.mjs [--data 8gaussians,moons,checkerboard] [--seeds 1] [--engine onnx] [--model JSON] [--train JSON] [--sample JSON …]
 */
import { parseArgs } from "node:util";
import { train } from "@latentkit/core";
import { toy } from "@latentkit/datasets";
import { diffusion } from "@latentkit/diffusion";
import { createEngine } from "./engine.mjs";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "8gaussians,moons,checkerboard" },
    seeds: { type: "string", default: "1" },
    engine: { type: "string", default: "onnx" },
    threads: { type: "string" },
    model: { type: "string", default: "{}" },
    train: { type: "string", default: "{}" },
    sample: { type: "string", multiple: true, default: ["{}"] },
  },
});
const SAMPLES = 10_000;
const COMPARED = 4000;
const SIGMA = Math.SQRT1_2 / 2;
const CENTERS = Array.from({ length: 8 }, (_, k) => [
  8 ** 0.5 * Math.cos((k * Math.PI) / 4),
  8 ** 0.5 * Math.sin((k * Math.PI) / 4),
]);

/** Modes with at least a quarter of their share of samples, and the share of samples near one. */
function modes({ data }) {
  const near = CENTERS.map(() => 0);
  for (let i = 0; i < SAMPLES; i++) {
    const distances = CENTERS.map(([x, y]) => Math.hypot(data[2 * i] - x, data[2 * i + 1] - y));
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest] < 3 * SIGMA) near[nearest]++;
  }
  const share = near.reduce((a, b) => a + b, 0) / SAMPLES;
  const found = near.filter((n) => n >= SAMPLES / 8 / 4).length;
  return `${found}/8 modes, ${(100 * share).toFixed(1)} % of samples within 3 sd`;
}

/** Kernels as wide as a tenth, a third and all of the data's spread: fine and coarse structure. */
const WIDTHS = [0.1, 0.33, 1];

/** Maximum mean discrepancy with a sum of Gaussian kernels, biased, so never negative. Gretton et al., 2012, eq. 5. https://jmlr.org/papers/v13/gretton12a.html */
function discrepancy(a, b, spread) {
  const mean = (x, y) => {
    let sum = 0;
    for (let i = 0; i < COMPARED; i++) {
      for (let j = 0; j < COMPARED; j++) {
        const squared = (x[2 * i] - y[2 * j]) ** 2 + (x[2 * i + 1] - y[2 * j + 1]) ** 2;
        for (const width of WIDTHS) sum += Math.exp(-squared / (2 * (width * spread) ** 2));
      }
    }
    return sum / COMPARED ** 2 / WIDTHS.length;
  };
  return Math.sqrt(Math.max(0, mean(a, a) + mean(b, b) - 2 * mean(a, b)));
}

/** Points of a split, and how far they spread. */
function pointsOf(split) {
  const { data } = split.gather(Array.from({ length: COMPARED }, (_, i) => i)).x;
  const center = [0, 1].map((c) => data.reduce((sum, v, i) => (i % 2 === c ? sum + v : sum), 0) / COMPARED);
  const variance = data.reduce((sum, v, i) => sum + (v - center[i % 2]) ** 2, 0) / data.length;
  return { data, spread: Math.sqrt(variance) };
}

function againstSplit({ data }, { splits }) {
  const test = pointsOf(splits.test);
  const floor = discrepancy(pointsOf(splits.train).data, test.data, test.spread);
  const own = discrepancy(data, test.data, test.spread);
  return `MMD ${own.toFixed(4)}, floor ${floor.toFixed(4)}, ratio ${(own / floor).toFixed(2)}`;
}

for (const name of values.data.split(",")) {
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const engine = await createEngine(values.engine, values.threads);
    const cpu = process.cpuUsage();
    const { result, session, config, dataset } = await train({
      model: diffusion(JSON.parse(values.model)),
      data: toy(name),
      engine,
      seed,
      checkpointEvery: 0,
      onWarning: (warning) => console.log(`  ${warning}`),
      steps: 4000,
      ...JSON.parse(values.train),
    });
    const { user } = process.cpuUsage(cpu);
    console.log(
      `${name} seed ${seed}: ${result.step} steps of ${config.batchSize} in ${result.trainSeconds.toFixed(1)} s (${(user / 1e6).toFixed(0)} CPU s), ` +
        `elbo ${result.metrics.elbo.value.toFixed(3)} ± ${result.metrics.elbo.stderr.toFixed(3)} nats, floor ${(-dataset.entropy).toFixed(3)}`,
    );
    for (const options of values.sample) {
      const x = await session.sample({ n: SAMPLES, seed: 1, options: JSON.parse(options) });
      console.log(`  ${options}: ${name === "8gaussians" ? modes(x) : againstSplit(x, dataset)}`);
    }
    await engine.dispose();
  }
}
