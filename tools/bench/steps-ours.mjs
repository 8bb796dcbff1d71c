#!/usr/bin/env node
/**
 * Our side of `steps.mjs`: one model on one engine. Answers each line of its standard input, a JSON command, with a line of JSON.
 *
 *     node tools/bench/steps-ours.mjs MODEL '{"engine":"onnx","threads":2}'
 *
 * Commands: `{"do":"check","file":PATH,"steps":3}` writes the first parameters, the batch and the noise of the first steps and answers their losses;
 * `{"do":"losses","steps":N}` the losses of the first steps; `{"do":"run","seconds":S}` trains for so long.
 */
import { writeFileSync } from "node:fs";
import { encodeSafetensors } from "@latentkit/core";
import { answerLines } from "./lines.mjs";
import { STEPS } from "./models/index.mjs";
import { openTraining } from "./training.mjs";

const PACKAGES = { onnx: "@latentkit/engine-onnx", tensorflow: "@latentkit/engine-tensorflow" };

/** @throws Error when its package is not installed or the engine refuses the options. */
async function createEngine({ engine: name, ...options }) {
  return (await import(PACKAGES[name]))[name](options);
}

/** Everything that the PyTorch side needs to take the same first steps, in one file. */
async function writeCheck(training, batch, { file, steps }) {
  const tensors = new Map();
  for (const [path, tensor] of await training.readParameters()) tensors.set(`params.${path}`, tensor);
  for (const [name, tensor] of Object.entries(batch)) tensors.set(`batch.${name}`, tensor);
  for (const [i, values] of training.firstNoise(steps).entries()) {
    for (const [name, tensor] of values) tensors.set(`noise${i}.${name}`, tensor);
  }
  writeFileSync(file, encodeSafetensors(tensors));
}

const [name, settings] = process.argv.slice(2);
const step = STEPS[name].create();
const engine = await createEngine(JSON.parse(settings));
const training = await openTraining(engine, step);
const { traceMs, compileMs } = training.program.timing;
const [first] = await training.losses(1);

await answerLines(
  {
    check: async (command) => {
      await training.reset();
      await writeCheck(training, step.batch, command);
      return { losses: await training.losses(command.steps) };
    },
    losses: async ({ steps }) => {
      await training.reset();
      return { losses: await training.losses(steps) };
    },
    run: async ({ seconds }) => {
      const before = engine.nativeSeconds?.();
      const result = await training.runFor(seconds);
      const native = before === undefined ? undefined : engine.nativeSeconds() - before;
      return { ...result, native, rss: process.memoryUsage().rss };
    },
  },
  {
    firstStepSeconds: performance.now() / 1000, // since the process began
    firstLoss: first,
    traceSeconds: traceMs / 1000,
    compileSeconds: compileMs / 1000,
    nodes: training.program.graph.nodes.length,
    parameters: training.parameters,
    details: engine.capabilities.details,
  },
);
await engine.dispose();
