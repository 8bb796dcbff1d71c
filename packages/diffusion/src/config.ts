import { z } from "zod";
import { NETWORK_NAMES, networkOptions } from "./networks/index.js";
import { SCHEDULE_NAMES } from "./process/schedules.js";
import { SPACING_NAMES } from "./process/spacing.js";
import { TARGET_NAMES } from "./process/target.js";
import { WEIGHT_NAMES } from "./process/weights.js";
import { SAMPLER_NAMES } from "./samplers/index.js";

/** Options of a diffusion model. What is optional is what the preset says, see presets.ts. */
export const diffusionConfig = z.object({
  preset: z
    .enum(["auto", "ddpm", "improved-ddpm", "v-prediction", "edm", "flow-matching"])
    .default("auto")
    .describe("Published method that gives all options left out; auto is edm"),
  process: z
    .enum(["vp", "edm", "flow"])
    .optional()
    .describe(
      "Path from data to noise: vp keeps the variance (DDPM), edm only adds noise, flow goes along straight lines (flow matching)",
    ),
  schedule: z.enum(SCHEDULE_NAMES).optional().describe("Noise by time-step, of process vp"),
  timesteps: z.int().min(2).optional().describe("Number of time-steps of process vp"),
  betaStart: z.number().positive().optional().describe("Variance of the first step, of schedules other than cosine"),
  betaEnd: z.number().positive().optional().describe("Variance of the last step, of schedules other than cosine"),
  zeroTerminalSnr: z
    .boolean()
    .optional()
    .describe("Leave nothing of the data at the last time-step of process vp; for targets v and x0"),
  target: z
    .enum(TARGET_NAMES)
    .optional()
    .describe(
      "What the network predicts: the noise, the data, v, Karras et al.'s F, the velocity from noise to data, or the reverse one from data to noise",
    ),
  weight: z
    .enum(WEIGHT_NAMES)
    .optional()
    .describe("How much each noise level counts in the loss; simple: the same, in the target's own units"),
  gamma: z.number().positive().default(5).describe("Signal-to-noise ratio from which min-snr weighs no more"),
  logMean: z.number().default(-1.2).describe("Mean of ln sigma in training, of process edm"),
  logStd: z.number().positive().default(1.2).describe("Standard deviation of ln sigma in training, of process edm"),
  sigmaMin: z.number().positive().default(0.002).describe("Smallest noise of sampling, of process edm"),
  sigmaMax: z.number().positive().default(80).describe("Largest noise, with which sampling begins, of process edm"),
  times: z
    .enum(["uniform", "logit-normal"])
    .default("uniform")
    .describe("How times are drawn in training, of process flow"),
  shift: z
    .number()
    .positive()
    .default(1)
    .describe("Moves sampling times of process flow towards the noise; larger images need more than 1"),
  network: z
    .enum(["auto", ...NETWORK_NAMES])
    .default("auto")
    .describe("What predicts: mlp takes any data, unet and dit take images; auto is the unet for images, else the mlp"),
  ...networkOptions,
  conditional: z
    .boolean()
    .default(false)
    .describe("Give the label to the network, so that samples can be asked by class"),
  dropLabel: z
    .number()
    .min(0)
    .lt(1)
    .default(0.1)
    .describe("Share of the labels hidden in training, so that guidance has an unconditional model to lead away from"),
});

/** A checked {@link diffusionConfig}. */
export type DiffusionConfig = z.output<typeof diffusionConfig>;

/** Options of one sampling call. */
export const diffusionSampleOptions = z.object({
  sampler: z
    .enum(["auto", ...SAMPLER_NAMES])
    .default("auto")
    .describe("Any of them runs any model; auto is flow-midpoint for flow matching, else dpmpp2m"),
  steps: z
    .int()
    .min(1)
    .optional()
    .describe(
      "Steps of the sampler: heun takes 2 evaluations a step, flow-midpoint 2, flow-rk4 4; absent: 20, points 50",
    ),
  spacing: z
    .enum(SPACING_NAMES)
    .default("auto")
    .describe("Which noise levels the steps visit; auto is trailing for ddpm, karras for edm, even times for flows"),
  eta: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("Share of the noise renewed on each step; absent: 0 for ddim, 1 for euler-ancestral and dpmpp2m-sde"),
  guidance: z
    .number()
    .min(0)
    .default(1)
    .describe("Classifier-free guidance: 0 ignores the class, 1 asks for it, more insists at the cost of variety"),
  guidanceInterval: z
    .tuple([z.number().min(0), z.number().min(0)])
    .optional()
    .describe("Guide only where sigma / alpha is between these two, e.g. [0.3, 5]; absent: everywhere"),
  clip: z.boolean().default(true).describe("Keep the network's idea of the data inside their range on the way"),
  strength: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("Share of the way to noise that a given image goes; absent: 0.6, and 1 with a mask or no image"),
  resample: z
    .int()
    .min(1)
    .default(1)
    .describe("Times each step is repeated with fresh noise, so that what is filled in agrees with its surroundings"),
});

/** Checked {@link diffusionSampleOptions}. */
export type DiffusionSampleOptions = z.output<typeof diffusionSampleOptions>;
