import { createModel } from "@latentkit/core";
import { vae } from "@latentkit/vae";
import { bits } from "./host-values.mjs";

/** The VAE of @latentkit/vae as its users have it: 784-400-20, Bernoulli likelihood. Kingma & Welling, 2013. https://arxiv.org/abs/1312.6114 */
export function vaeStep({ batchSize = 128, width = 784, hidden = 400, latentDim = 20 } = {}) {
  const dataset = { name: "bits", datum: { kind: "binary", shape: [width], range: [0, 1] } };
  return {
    model: createModel(vae({ latentDim, hidden: [hidden] }), dataset),
    batch: { x: bits("x", [batchSize, width]) },
    optimizer: { name: "adam", learningRate: 1e-3 },
    noise: { eps: { path: ["elbo", "z"], shape: [batchSize, latentDim] } },
  };
}
