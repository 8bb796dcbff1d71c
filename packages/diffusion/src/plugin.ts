import { type ConfiguredModel, definePlugin, modelFactory } from "@latentkit/core";
import type { z } from "zod";
import { diffusionConfig, diffusionSampleOptions } from "./config.js";
import { diffusersFormat } from "./diffusers/format.js";
import { createDiffusion } from "./model.js";

/** Diffusion models as the command line and the container know them. */
export const diffusionPlugin = definePlugin({
  name: "diffusion",
  summary:
    "diffusion and flow matching: presets ddpm, improved-ddpm, v-prediction, edm, flow-matching; guidance, inpainting, 11 samplers for any of them",
  config: diffusionConfig,
  sampleOptions: diffusionSampleOptions,
  create: createDiffusion,
  formats: [diffusersFormat],
});

/** `train({ model: diffusion({ preset: "ddpm" }), … })`. */
export const diffusion = modelFactory(diffusionPlugin);

type Preset = (config?: Omit<z.input<typeof diffusionConfig>, "preset">) => ConfiguredModel;

const preset =
  (name: z.input<typeof diffusionConfig>["preset"]): Preset =>
  (config = {}) =>
    diffusion({ ...config, preset: name });

/** `train({ model: ddpm(), … })`: Ho et al., 2020. */
export const ddpm = preset("ddpm");
/** `train({ model: edm(), … })`: Karras et al., 2022; the best start. */
export const edm = preset("edm");
/** `train({ model: flowMatching(), … })`: Lipman et al., 2022. */
export const flowMatching = preset("flow-matching");

export default diffusionPlugin;
