#!/usr/bin/env node
/**
 * Our side of `sampling.mjs`: a conditional U-Net on one engine, sampled through the session as everybody does. Answers each line of its standard input, a
 * JSON command, with a line of JSON.
 *
 *     node tools/bench/sampling-ours.mjs '{"engine":"onnx","threads":2}' '{"batch":256,"steps":20}'
 *
 * Commands: `{"do":"check","file":PATH}` writes the parameters, the noise and the samples made of it; `{"do":"run","calls":N}` samples N batches in one request.
 */
import { writeFileSync } from "node:fs";
import { encodeSafetensors, flatten, hostKey, hostTensor, philoxNormal, train } from "@latentkit/core";
import { mnist } from "@latentkit/datasets";
import { diffusion } from "@latentkit/diffusion";
import { createEngine } from "./engine.mjs";
import { answerLines } from "./lines.mjs";
import { UNET2D } from "./models/unet2d.mjs";

const SIZE = 28 * 28;
const CLASSES = 10;

const [engineOptions, request] = process.argv.slice(2).map((text) => JSON.parse(text));
const { engine: name, threads, precision } = engineOptions;
const { batch, steps } = request;
const engine = await createEngine(name, threads, precision);
// A few updates: the last convolution begins at zero, and samples of zeros would compare nothing.
const run = await train({
  model: diffusion({ conditional: true, network: "unet", unet: UNET2D }),
  data: mnist(),
  engine,
  steps: 20,
  batchSize: 64,
  evaluateEvery: 0,
  checkpointEvery: 0,
  emaDecay: 0,
});
const { session } = run;
const label = (n) => Array.from({ length: n }, (_, i) => i % CLASSES);
const sample = (n) => session.sample({ n, seed: 0, label: label(n), options: { sampler: "dpmpp2m", steps } });

/** Everything that the PyTorch side needs to draw the same pictures, and those. */
async function writeCheck(file) {
  const { store, specs } = session;
  const paths = flatten(specs.params).map(([path]) => `params.${path}`);
  const tensors = new Map(await store.read([...paths, "state.sigmaData"]));
  const noise = philoxNormal(hostKey(0, "sample", 0, "start", "noise"), batch * SIZE);
  tensors.set("noise", hostTensor(noise, [batch, 28, 28, 1]));
  tensors.set("label", hostTensor(Int32Array.from(label(batch)), [batch], "int32"));
  tensors.set("samples", await sample(batch));
  writeFileSync(file, encodeSafetensors(tensors));
  return { parameters: paths.length };
}

await answerLines(
  {
    check: ({ file }) => writeCheck(file),
    run: async ({ calls }) => {
      const started = performance.now();
      await sample(calls * batch);
      return { images: calls * batch, seconds: (performance.now() - started) / 1000 };
    },
  },
  { details: engine.capabilities.details },
);
await engine.dispose();
