#!/usr/bin/env node
/**
 * First names to the list they are from, female or male, with a small encoder-decoder whose target is the class: share of wrong answers over all
 * names of the test split. Names of both lists are left out.
 *
 *     node tools/bench/first-names.mjs [--steps N] [--seed 0] [--engine tensorflow] [--out runs/first-names]
 */
import { firstNames } from "@latentkit/datasets";
import { benchPairs } from "./pairs.mjs";

await benchPairs(
  {
    data: firstNames(),
    config: { nLayer: 3, nHead: 4, nEmbd: 128, placement: "pre", dropout: 0.3, labelSmoothing: 0, initStd: 0.02 },
    training: {
      steps: 3000, // 27 epochs
      batchSize: 64,
      emaDecay: 0.99,
      optimizer: { name: "adamw", learningRate: 1e-3, schedule: "cosine", warmup: 0.05, weightDecay: 0.1, clipNorm: 1 },
      evaluateEvery: 500,
    },
    out: "runs/first-names",
  },
  { exactMatchError: 18 },
);
