import { testPlugin } from "@latentkit/core/testing";
import { diffusionPlugin } from "../src/plugin.js";

const points = { kind: "continuous", shape: [2] } as const;
const gray = { kind: "continuous", shape: [4, 4, 1], range: [0, 1], levels: 256 } as const;
const mlp = { width: 16, depth: 1 };
const train = { optimizer: { learningRate: 0.01 } };

// The mathematics is tested beside its source; here each process, and each kind of data.
testPlugin(diffusionPlugin, {
  cases: [
    {
      name: "edm, points",
      config: { preset: "edm", mlp },
      datum: points,
      sampleOptions: { steps: 3 },
      skip: {
        lossFalls:
          "of 16 points the loss varies more from noise level to noise level than 30 steps change it; model.test.ts tests its value",
      },
    },
    {
      name: "ddpm, few time-steps, on a range",
      config: { preset: "ddpm", timesteps: 20, betaEnd: 0.4, network: "mlp", mlp },
      datum: gray,
      sampleOptions: { sampler: "ddpm", steps: 4 },
      train,
    },
    {
      name: "v-prediction without terminal signal, binary images",
      config: { preset: "v-prediction", zeroTerminalSnr: true, network: "mlp", mlp },
      datum: { kind: "binary", shape: [4, 4, 1] },
      sampleOptions: { sampler: "dpmpp2m-sde", steps: 4 },
      train,
    },
    {
      name: "flow matching, by class, guided",
      config: { preset: "flow-matching", conditional: true, mlp },
      datum: { ...points, classes: 3 },
      sampleOptions: { guidance: 2, sampler: "flow-rk4", steps: 2 },
      train,
    },
  ],
});
