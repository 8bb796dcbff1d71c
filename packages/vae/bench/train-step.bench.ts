/*
 * Milliseconds a training step (forward, backward, Adam) on MNIST, batch 128, and images a second.
 *
 *   node packages/vae/bench/train-step.bench.ts          (after a build; Node >= 22.18 runs TypeScript)
 */
import { train } from "@latentkit/core";
import { mnist } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { vae } from "@latentkit/vae";

const BATCH = 128;
const cases = [
  { name: "mlp 784-400-20", config: {}, steps: 1000 },
  { name: "mlp 784-400-20, iwae with 5 draws", config: { objective: "iwae" }, steps: 500 },
  { name: "conv 32-64-128, latent 20", config: { network: "conv" }, steps: 100 },
] as const;

for (const { name, config, steps } of cases) {
  const engine = onnx();
  const { result } = await train({ model: vae(config), data: mnist(), engine, steps, batchSize: BATCH, seed: 0 });
  const ms = (1000 * result.trainSeconds) / steps;
  console.log(`${name}: ${ms.toFixed(2)} ms a step, ${Math.round((1000 * BATCH) / ms)} images/s`);
  await engine.dispose();
}
