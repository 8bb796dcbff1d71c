#!/usr/bin/env node
/**
 * Modes of StackedMNIST that 26,000 samples of a GAN cover, of 1000, and the divergence of their classes from the data's, beside those of real data.
 *
 *     node tools/bench/gan-stacked.mjs [--seeds 0] [--cpu-minutes 120] [--model '{}'] [--train '{}'] [--engine tensorflow] [--png FILE]
 */
import { stackedMnist } from "@latentkit/datasets";
import { stackedMnistCnn } from "@latentkit/evaluation-classifiers";
import { ganArguments, lengthOf, printResults, trainGans } from "./gan-training.mjs";

const settings = ganArguments({ cpuMinutes: "120" });
const METRICS = ["modesStackedMnistCnn", "classKlStackedMnistCnn", "confidenceStackedMnistCnn", "fidStackedMnistCnn"];

await trainGans(settings, { data: stackedMnist(), extractors: [stackedMnistCnn] }, async (run, { seed, cpu }) => {
  console.log(`seed ${seed}: ${lengthOf(run, cpu)}`);
  printResults(await run.evaluate(METRICS));
});
