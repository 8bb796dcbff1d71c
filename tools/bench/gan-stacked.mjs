#!/usr/bin/env node
/**
 * StackedMNIST: three random digits as the channels of an image, 1000 equally likely modes. Metz et al., 2016, §3.3.1. https://arxiv.org/abs/1611.02163
 * Prints how many modes 26,000 samples of a GAN cover, and the divergence of their classes from the data's.
 *
 *     node tools/bench/gan-stacked.mjs [--seeds 1] [--minutes 60] [--steps N] [--model '{}'] [--train '{}'] [--engine onnx] [--png FILE]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { hostKey, hostTensor, philoxPermutation, train } from "@latentkit/core";
import { bytesOf, drawData } from "@latentkit/core/node";
import { mnist } from "@latentkit/datasets";
import { stackedMnistCnn } from "@latentkit/evaluation-classifiers";
import { gan } from "@latentkit/gan";
import { createEngine } from "./engine.mjs";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1" },
    minutes: { type: "string", default: "60" },
    steps: { type: "string", default: "1000000" },
    model: { type: "string", default: "{}" },
    train: { type: "string", default: "{}" },
    engine: { type: "string", default: "onnx" },
    threads: { type: "string" },
    png: { type: "string" },
  },
});
const SAMPLES = 26_000;
const PIXELS = 28 * 28;

/** `size` stacks of a split's digits: three keyed permutations of it, one after another as long as needed. */
function stacked(digits, size, seed, name) {
  const orders = [0, 1, 2].map((channel) => {
    const rounds = Math.ceil(size / digits.size);
    return Array.from({ length: rounds }, (_, r) => philoxPermutation(hostKey(seed, name, channel, r), digits.size));
  });
  const digit = (channel, i) => orders[channel][Math.floor(i / digits.size)][i % digits.size];
  return {
    size,
    fields: { x: { shape: [28, 28, 3], dtype: "float32" }, label: { shape: [], dtype: "int32" } },
    gather(indices) {
      const n = indices.length;
      const x = new Float32Array(n * PIXELS * 3);
      const label = new Int32Array(n);
      for (let channel = 0; channel < 3; channel++) {
        const grey = digits.gather(Array.from(indices, (i) => digit(channel, i)));
        for (let k = 0; k < n * PIXELS; k++) x[3 * k + channel] = grey.x.data[k];
        for (let k = 0; k < n; k++) label[k] = 10 * label[k] + grey.label.data[k];
      }
      return { x: hostTensor(x, [n, 28, 28, 3]), label: hostTensor(label, [n], "int32") };
    },
  };
}

const stackedMnist = {
  name: "stacked-mnist",
  options: {},
  async load(seed) {
    const source = await mnist().load(seed);
    return {
      ...source,
      name: "stacked-mnist",
      title: "StackedMNIST",
      labelNames: undefined,
      datum: { kind: "continuous", shape: [28, 28, 3], range: [0, 1], levels: 256, classes: 1000 },
      splits: {
        train: stacked(source.splits.train, 128_000, 0, "train"),
        test: stacked(source.splits.test, SAMPLES, 0, "test"),
      },
    };
  },
};

for (let seed = 0; seed < Number(values.seeds); seed++) {
  const engine = await createEngine(values.engine, values.threads);
  const stop = new AbortController();
  const started = performance.now();
  const run = await train({
    model: gan(JSON.parse(values.model)),
    data: stackedMnist,
    engine,
    seed,
    steps: Number(values.steps),
    checkpointEvery: 0,
    extractors: [stackedMnistCnn],
    signal: stop.signal,
    onProgress: () => {
      if (performance.now() - started > 60_000 * Number(values.minutes)) stop.abort();
    },
    ...JSON.parse(values.train),
  });
  const names = ["modesStackedMnistCnn", "classKlStackedMnistCnn", "confidenceStackedMnistCnn"];
  const { [names[0]]: modes, [names[1]]: kl, [names[2]]: confidence } = await run.evaluate(names, { limit: SAMPLES });
  console.log(
    `seed ${seed}: ${modes.value} of 1000 modes in ${modes.n} samples (real data ${modes.realVsReal.value}), ` +
      `KL ${kl.value.toFixed(3)} nats (real data ${kl.realVsReal.value.toFixed(3)}), ${(100 * confidence.value).toFixed(1)} % confident; ` +
      `${run.result.step} steps in ${run.result.trainSeconds.toFixed(0)} s`,
  );
  if (values.png) {
    const drawing = await drawData(await run.sample({ n: 100, seed: 1 }), run.dataset);
    writeFileSync(values.png.replace(/(\.png)?$/, `-${seed}.png`), bytesOf(drawing));
  }
  await engine.dispose();
}
