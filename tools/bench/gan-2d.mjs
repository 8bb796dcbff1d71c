#!/usr/bin/env node
/**
 * Modes and sharp samples of GANs in the plane: a ring of 8 Gaussians and a grid of 25. A mode counts when at least a quarter of its share of samples lies
 * within 3 standard deviations of its centre.
 *
 *     node tools/bench/gan-2d.mjs [--data 8gaussians,25gaussians] [--seeds 0,1,2] [--cpu-minutes 2] [--engine onnx] [--model '{}'] [--train '{"steps":15000}']
 *                                 [--png FILE]
 */
import { toy } from "@latentkit/datasets";
import { ganArguments, lengthOf, trainGans } from "./gan-training.mjs";

const settings = ganArguments({ data: "8gaussians,25gaussians", seeds: "0,1,2", cpuMinutes: "2" });
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

/** Share of points near a centre, how many centres have their share of them, and the least and most points of a centre. */
function grade({ data }, { sigma, centers }) {
  const near = centers.map(() => 0);
  for (let i = 0; i < SAMPLES; i++) {
    const distances = centers.map(([x, y]) => Math.hypot(data[2 * i] - x, data[2 * i + 1] - y));
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest] < 3 * sigma) near[nearest]++;
  }
  const share = near.reduce((a, b) => a + b, 0) / SAMPLES;
  const modes = near.filter((n) => n >= SAMPLES / centers.length / 4).length;
  return { share, modes, least: Math.min(...near), most: Math.max(...near) };
}

for (const name of settings.data.split(",")) {
  const target = TARGETS[name];
  await trainGans(settings, { data: toy(name) }, async (run, { seed, cpu }) => {
    const { share, modes, least, most } = grade(await run.sample({ n: SAMPLES, seed: 1 }), target);
    console.log(
      `${name} seed ${seed}: ${modes}/${target.centers.length} modes (${least} to ${most} samples each), ` +
        `${(100 * share).toFixed(1)} % of samples within 3 sd; ${lengthOf(run, cpu)}`,
    );
  });
}
