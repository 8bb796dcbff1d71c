#!/usr/bin/env node
/**
 * Resident memory and number of tensors over a long run of a small VAE: flat, or something leaks.
 *
 *     node --expose-gc tools/bench/memory.mjs [--steps 20000]
 */
import { parseArgs } from "node:util";
import { train } from "@latentkit/core";
import { toy } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { vae } from "@latentkit/vae";
import * as tf from "@tensorflow/tfjs-core";

const { values } = parseArgs({ options: { steps: { type: "string", default: "20000" } } });
const steps = Number(values.steps);
const every = Math.max(1, Math.floor(steps / 20));
const marks = [];
const onProgress = ({ step }) => {
  if (step % every !== 0) return;
  globalThis.gc?.();
  marks.push({ step, megabytes: process.memoryUsage().rss / 2 ** 20, tensors: tf.memory().numTensors });
  const { megabytes, tensors } = marks.at(-1);
  console.log(`step ${step}: ${megabytes.toFixed(1)} MiB, ${tensors} tensors`);
};
const engine = onnx();
await train({ model: vae({ latentDim: 2 }), data: toy("8gaussians"), engine, steps, checkpointEvery: 0, onProgress });
await engine.dispose();
const later = marks.slice(1); // the first mark still warms up
const sizes = later.map(({ megabytes }) => megabytes);
const growth = (100 * (sizes.at(-1) - sizes[0])) / sizes[0];
const tensors = new Set(later.map((mark) => mark.tensors));
console.log(
  `growth ${growth.toFixed(1)} % after the first ${every} steps (largest ${Math.max(...sizes).toFixed(1)} MiB), tensor counts: ${[...tensors].join(", ")}`,
);
process.exitCode = Math.abs(growth) <= 5 && tensors.size === 1 ? 0 : 1;
