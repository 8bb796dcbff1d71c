import { testPlugin } from "@latentkit/core/testing";
import { vaePlugin } from "../src/plugin.js";

const gray = { kind: "continuous", shape: [6, 5, 1], range: [0, 1], levels: 256 } as const;
const small = { latentDim: 2, hidden: [8] };
const conv = { ...small, network: "conv", channels: [4, 4] };
const train = { optimizer: { learningRate: 0.02 } };

testPlugin(vaePlugin, {
  cases: [
    { name: "gray images, Bernoulli", config: small, datum: gray, train },
    { name: "colour images, discretised logistic", config: conv, datum: { ...gray, shape: [5, 6, 3] }, train },
    { name: "images, Gaussian", config: { ...conv, likelihood: "gaussian" }, datum: gray, train },
    { name: "binary vectors", config: small, datum: { kind: "binary", shape: [9] }, train },
    {
      name: "labelled points, conditional, importance-weighted",
      config: { ...small, conditional: true, objective: "iwae" },
      datum: { kind: "continuous", shape: [2], classes: 3 },
      sampleOptions: { temperature: 0.7, sampleLikelihood: true },
      train,
    },
  ],
});
