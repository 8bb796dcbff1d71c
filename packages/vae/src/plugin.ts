import { definePlugin, modelFactory } from "@latentkit/core";
import { vaeConfig, vaeSampleOptions } from "./config.js";
import { createVae } from "./model.js";

/** The VAE as the command line and the container know it. */
export const vaePlugin = definePlugin({
  name: "vae",
  summary: "variational autoencoder: images, vectors and 2-D points; conditional, beta, importance-weighted",
  config: vaeConfig,
  sampleOptions: vaeSampleOptions,
  create: createVae,
});

/** `train({ model: vae({ latentDim: 20 }), … })`. */
export const vae = modelFactory(vaePlugin);

export default vaePlugin;
