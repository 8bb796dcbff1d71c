import { z } from "zod";
import { NETWORK_NAMES, networkOptions } from "./networks/index.js";

/** Options of a diffusion model. */
export const diffusionConfig = z.object({
  network: z
    .enum(["auto", ...NETWORK_NAMES])
    .default("auto")
    .describe("what predicts: mlp takes any data; auto is the mlp"),
  ...networkOptions,
});
