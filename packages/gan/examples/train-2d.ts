/*
 * A GAN of points of the plane: eight Gaussians on a circle. Its health report, and how many modes it found.
 *
 *   node packages/gan/examples/train-2d.ts          (after a build; Node >= 22.18 runs TypeScript)
 *
 * Expected: 8 of 8 modes, more than 90 % of the samples within three standard deviations of one, diversity near 1.
 */
import { train } from "@latentkit/core";
import { toy } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { gan } from "@latentkit/gan";

const engine = onnx();
const run = await train({ model: gan(), data: toy("8gaussians"), engine, steps: 4000, seed: 0 }); // auto: gan-mlp

for (const [name, { value, unit, n }] of Object.entries(await run.evaluate(undefined, { limit: 1000 }))) {
  console.log(`${name.padEnd(18)} ${value.toFixed(3)} ${unit} (n ${n})`);
}

const COUNT = 5000;
const points = await run.sample({ n: COUNT, seed: 1 }); // (5000, 2)
const hits = Array.from({ length: 8 }, () => 0);
for (let i = 0; i < COUNT; i++) {
  const [mode, distance] = nearestMode(points.data[2 * i] ?? 0, points.data[2 * i + 1] ?? 0);
  if (distance < (3 * Math.SQRT1_2) / 2) hits[mode] = (hits[mode] ?? 0) + 1;
}
const share = hits.reduce((a, b) => a + b, 0) / COUNT;
console.log(`modes found        ${hits.filter((n) => n > COUNT / 8 / 4).length} of 8`);
console.log(`samples near one   ${(100 * share).toFixed(1)} %`);
await engine.dispose();

/** The modes lie on a circle of radius sqrt 8, every 45 degrees. */
function nearestMode(x: number, y: number): [mode: number, distance: number] {
  const turn = Math.round(Math.atan2(y, x) / (Math.PI / 4));
  const angle = (turn * Math.PI) / 4;
  return [(turn + 8) % 8, Math.hypot(x - Math.sqrt(8) * Math.cos(angle), y - Math.sqrt(8) * Math.sin(angle))];
}
