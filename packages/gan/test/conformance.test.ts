import { testPlugin } from "@latentkit/core/testing";
import { ganPlugin } from "../src/plugin.js";

const gray = { kind: "continuous", shape: [6, 6, 1], range: [0, 1], levels: 256 } as const;
const small = { latentDim: 3, hidden: [8], width: 4 };
const skip = { lossFalls: "the two losses oppose each other" };

testPlugin(ganPlugin, {
  cases: [
    { name: "gray images, r3gan", config: { ...small, penalty: { every: 2 } }, datum: gray, skip },
    {
      name: "colour images, dcgan, augmented",
      config: { ...small, preset: "dcgan", augment: ["color", "translation", "cutout"] },
      datum: { ...gray, shape: [6, 12, 3] },
      skip,
    },
    {
      name: "labelled images, sngan-hinge, conditional",
      config: { ...small, preset: "sngan-hinge", criticSteps: 2, conditional: true },
      datum: { ...gray, classes: 3 },
      sampleOptions: { truncation: 1 },
      skip,
    },
    {
      name: "binary vectors, lecam",
      config: { ...small, loss: "non-saturating", penalty: "lecam" },
      datum: { kind: "binary", shape: [9] },
      skip,
    },
    {
      name: "labelled points, wgan-gp, conditional",
      config: { ...small, preset: "wgan-gp", criticSteps: 2, generatorNorm: "none", conditional: true },
      datum: { kind: "continuous", shape: [2], classes: 3 },
      skip,
    },
  ],
});
