#!/usr/bin/env node
/**
 * A GAN on MNIST, graded by the evaluation classifier: confidence, class balance, feature FID beside its real-vs-real floor, and health.
 *
 *     node tools/bench/gan-mnist.mjs [--seeds 0,1,2] [--cpu-minutes 30] [--model '{"preset":"r3gan"}'] [--train '{"steps":9000}'] [--engine tensorflow]
 *                                    [--samples 10000] [--metrics samples] [--png FILE]
 *
 * Conditional models are graded by their agreement with the label too.
 */
import { mnist } from "@latentkit/datasets";
import { builtinExtractors } from "@latentkit/evaluation-classifiers";
import { ganArguments, lengthOf, printResults, trainGans } from "./gan-training.mjs";

const settings = ganArguments({ samples: "10000", metrics: "samples" });

await trainGans(settings, { data: mnist(), extractors: builtinExtractors }, async (run, { seed, cpu }) => {
  console.log(`seed ${seed}: ${lengthOf(run, cpu)}`);
  printResults(await run.evaluate(undefined, { limit: 1000 }));
  printResults(await run.evaluate(settings.metrics.split(","), { limit: Number(settings.samples) }));
});
