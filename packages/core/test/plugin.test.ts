import { testPlugin } from "../src/testing/index.js";
import { gaussianPlugin } from "./gaussian.js";

testPlugin(gaussianPlugin, {
  cases: [
    {
      name: "points",
      config: {},
      datum: { kind: "continuous", shape: [2] },
      train: { optimizer: { learningRate: 0.1 } },
    },
    {
      name: "spread 3",
      config: { spread: 3 },
      datum: { kind: "continuous", shape: [5], range: [0, 1] },
      skip: { sampleRange: "a normal distribution is unbounded" },
      train: { optimizer: { learningRate: 0.1 } },
    },
  ],
});
