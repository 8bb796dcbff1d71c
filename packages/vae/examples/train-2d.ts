/*
 * A VAE of points of the plane: eight Gaussians on a circle, whose entropy is known, so the result can be graded.
 *
 *   node packages/vae/examples/train-2d.ts          (after a build; Node >= 22.18 runs TypeScript)
 *
 * Expected: nll about 3.2 nats, negative bound about 3.5, 85 % of the samples near a mode. No model can have a negative
 * log-likelihood below the entropy, 2.832 nats; the gap is what two Gaussian latents and a Gaussian decoder cannot bend.
 */
import { train } from "@latentkit/core";
import { toy } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { vae } from "@latentkit/vae";

const engine = onnx();
const run = await train({
  model: vae({ latentDim: 2, hidden: [64, 64] }), // auto: Gaussian p(x|z) with a learned width
  data: toy("8gaussians"),
  engine,
  steps: 4000,
  optimizer: { learningRate: 2e-3 },
  seed: 0,
});

const { elbo, nll } = await run.evaluate(["elbo", "nll"], { limit: 2000 });
const points = await run.sample({ n: 1000, seed: 1, options: { sampleLikelihood: true } }); // (1000, 2)
console.log(`entropy of the data  ${run.dataset.entropy?.toFixed(3)} nats`);
console.log(`nll, 500 draws of z  ${nll?.value.toFixed(3)} ± ${nll?.stderr.toFixed(3)} nats`);
console.log(`negative bound       ${(-(elbo?.value ?? Number.NaN)).toFixed(3)} ± ${elbo?.stderr.toFixed(3)} nats`);

const near = Array.from({ length: 1000 }, (_, i) =>
  distanceToMode(points.data[2 * i] ?? 0, points.data[2 * i + 1] ?? 0),
);
console.log(
  `samples within 3 sigma of a mode  ${(100 * near.filter((d) => d < (3 * Math.SQRT1_2) / 2).length) / 1000} %`,
);
await engine.dispose();

/** The modes lie on a circle of radius sqrt 8, every 45 degrees. */
function distanceToMode(x: number, y: number): number {
  const angle = (Math.round(Math.atan2(y, x) / (Math.PI / 4)) * Math.PI) / 4;
  return Math.hypot(x - Math.sqrt(8) * Math.cos(angle), y - Math.sqrt(8) * Math.sin(angle));
}
