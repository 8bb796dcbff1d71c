export { accumulate } from "./accumulate.js";
export { type AdamOptions, type AdamWOptions, adam, adamw } from "./adam.js";
export { clipByGlobalNorm, clipByValue } from "./clip.js";
export {
  type OptimizerConfig,
  type OptimizerOptions,
  optimizerFromConfig,
  optimizerOverrides,
  optimizerSchema,
  overrideOptimizer,
  scheduleFromConfig,
} from "./config.js";
export { type EmaOptions, emaDecay, emaUpdate } from "./ema.js";
export { type Guarded, type GuardOptions, type GuardState, guard, guardInit } from "./guard.js";
export { type LionOptions, lion } from "./lion.js";
export { type MuonOptions, muon, orthogonalize } from "./muon.js";
export {
  chain,
  type GradientTransform,
  gradientTransform,
  type LearningRate,
  type Optimizer,
  type OptState,
  type StepContext,
  type Stepped,
} from "./optimizer.js";
export {
  type CosineOptions,
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  linearSchedule,
  noamSchedule,
  type Schedule,
  type StepCount,
  scaleBySchedule,
  stepSchedule,
} from "./schedule.js";
export { type SgdOptions, sgd } from "./sgd.js";
export { globalNorm, mapPair, selectTree, zerosLikeTree } from "./trees.js";
