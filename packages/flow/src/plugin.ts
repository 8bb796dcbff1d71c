import { type ConfiguredModel, definePlugin, modelFactory } from "@latentkit/core";
import type { z } from "zod";
import { flowConfig, flowSampleOptions } from "./config.js";
import { createFlow } from "./model.js";

/** Flows as the command line and the container know them. */
export const flowPlugin = definePlugin({
  name: "flow",
  summary:
    "normalizing flow with exact likelihood: NICE, RealNVP, MAF, IAF, neural splines, Glow, TarFlow; conditional",
  config: flowConfig,
  sampleOptions: flowSampleOptions,
  create: createFlow,
});

/** `train({ model: flow({ model: "nsf" }), … })`. */
export const flow = modelFactory(flowPlugin);

type Preset = (config?: Omit<z.input<typeof flowConfig>, "model">) => ConfiguredModel;

const preset =
  (model: z.input<typeof flowConfig>["model"]): Preset =>
  (config = {}) =>
    flow({ ...config, model });

/** `train({ model: nsf(), … })`: spline couplings; the best start for vectors. */
export const nsf = preset("nsf");
/** `train({ model: glow(), … })`: multiscale couplings; the best start for images. */
export const glow = preset("glow");

export default flowPlugin;
