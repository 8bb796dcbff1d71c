import { type ConfiguredModel, definePlugin, modelFactory } from "@latentkit/core";
import { type GanOptions, ganConfig, ganSampleOptions } from "./config.js";
import { createGan } from "./model.js";

/** The GAN as the command line and the container know it. */
export const ganPlugin = definePlugin({
  name: "gan",
  summary:
    "generative adversarial network: images, vectors and 2-D points; presets r3gan, dcgan, wgan-gp, sngan-hinge, gan-mlp",
  config: ganConfig,
  sampleOptions: ganSampleOptions,
  create: createGan,
});

/** `train({ model: gan({ preset: "dcgan" }), … })`. */
export const gan: (options?: GanOptions) => ConfiguredModel = modelFactory(ganPlugin);

export default ganPlugin;
