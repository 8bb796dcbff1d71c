/*
 * Milliseconds a training step (both updates, penalties, Adam) of every preset on MNIST, and images a second.
 *
 *   node packages/gan/bench/train-step.bench.ts          (after a build; Node >= 22.18 runs TypeScript)
 */
import { train } from "@latentkit/core";
import { mnist } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { type GanOptions, gan } from "@latentkit/gan";

const STEPS = 50;
const cases: GanOptions[] = [
  { preset: "gan-mlp" },
  { preset: "dcgan" },
  { preset: "wgan-gp" },
  { preset: "sngan-hinge" },
  { preset: "r3gan" },
];

for (const options of cases) {
  const engine = onnx();
  const model = gan(options);
  const settings = { data: mnist(), engine, checkpointEvery: 0, evaluateEvery: 0, seed: 0, onWarning: () => {} };
  const { result, config } = await train({ model, steps: STEPS, ...settings });
  const ms = (1000 * result.trainSeconds) / STEPS;
  const rate = Math.round((1000 * config.batchSize) / ms);
  console.log(
    `${options.preset}: ${ms.toFixed(1)} ms a step of ${config.batchSize}, ${rate} images/s, compilation included`,
  );
  await engine.dispose();
}
