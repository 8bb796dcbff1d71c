import { definePlugin, modelFactory } from "@latentkit/core";
import { arSampleOptions, arTransformerConfig } from "./config.js";
import { gpt2Folder } from "./huggingface/folder.js";
import { createArTransformer } from "./model.js";

/** Autoregressive transformers as the command line and the container know them. */
export const arTransformerPlugin = definePlugin({
  name: "ar-transformer",
  summary: "autoregressive transformer: GPT for text and images, encoder-decoder for pairs; exact cached decoding",
  config: arTransformerConfig,
  sampleOptions: arSampleOptions,
  create: createArTransformer,
  formats: [gpt2Folder],
});

/** `train({ model: arTransformer({ preset: "nano" }), … })`. */
export const arTransformer = modelFactory(arTransformerPlugin);

export default arTransformerPlugin;
