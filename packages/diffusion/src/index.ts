export {
  type DiffusionConfig,
  type DiffusionSampleOptions,
  diffusionConfig,
  diffusionSampleOptions,
} from "./config.js";
export { type Carry, type Course, type Start, scanOf } from "./course.js";
export { type Diffusion, type DiffusionParams, denoise, type Noisy, predict } from "./denoiser.js";
export { createDiffusion, modelOf, wireDiffusion } from "./model.js";
export { createNetwork } from "./networks/index.js";
export { type MlpConfig, mlpNetwork } from "./networks/mlp.js";
export type { Conditions, Network, NetworkSubject } from "./networks/network.js";
export { ddpm, diffusion, diffusionPlugin, edm, flowMatching } from "./plugin.js";
export type { Settings } from "./presets.js";
export { type EdmOptions, edmProcess } from "./process/edm.js";
export { type FlowOptions, flowProcess } from "./process/flow.js";
export { DATA, type Level, type Levels, mix, ratioOf } from "./process/level.js";
export type { Process } from "./process/process.js";
export { alphaBars, type ScheduleName, type ScheduleOptions } from "./process/schedules.js";
export { karrasSigmas, type SpacingName } from "./process/spacing.js";
export {
  errorScale,
  preconditioning,
  type TargetName,
  targetOf,
  targets,
  type Views,
  viewsOf,
} from "./process/target.js";
export { vpProcess } from "./process/vp.js";
export { targetWeight, type WeightName, type WeightOptions, weights } from "./process/weights.js";
export { SAMPLER_NAMES, type SamplerName, samplers } from "./samplers/index.js";
export type { Combination, Evaluation, Sampler, SamplerOptions } from "./samplers/plan.js";
export { resampled } from "./samplers/resample.js";
export type { DataState, Scale } from "./scale.js";
