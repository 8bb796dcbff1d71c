import { testPlugin } from "@latentkit/core/testing";
import { flowPlugin } from "../src/plugin.js";

const vector = { kind: "continuous", shape: [2] } as const;
const gray = { kind: "continuous", shape: [4, 4, 1], range: [0, 1], levels: 256 } as const;
const small = { layers: 2, width: 8, depth: 1 };
const train = { optimizer: { learningRate: 0.01 } };

// Every model's mathematics is tested in src/models/models.test.ts; here one of each way to sample and to treat data.
testPlugin(flowPlugin, {
  cases: [
    {
      name: "coupling layers, mixture base",
      config: { ...small, model: "realnvp", base: "mixture" },
      datum: vector,
      train,
    },
    {
      name: "autoregressive layers on a range",
      config: { ...small, model: "maf" },
      datum: { ...vector, range: [-4, 4] },
      train,
    },
    {
      name: "splines, conditional on labels",
      config: { ...small, layers: 1, conditional: "label" },
      datum: { ...vector, classes: 3 },
      sampleOptions: { temperature: 0.7 },
      train,
    },
    {
      name: "convolutions on gray images",
      config: { ...small, layers: 1, width: 4, model: "glow", scales: 1 },
      datum: gray,
      train,
    },
    {
      name: "tarflow on binary images",
      config: { ...small, model: "tarflow", layers: 1, patch: 2, heads: 2 },
      datum: { kind: "binary", shape: [4, 4, 1] },
      train,
    },
  ],
});
