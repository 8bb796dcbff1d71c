export {
  type DType,
  type Engine,
  type HostTensor,
  type Key,
  type Store,
  type TensorSpec,
  type Tree,
  TraceError,
  UserError,
  UnsupportedKernelError,
  bernoulli,
  categorical,
  dynamicUpdateSlice,
  eager,
  flatten,
  fold,
  gelu,
  groupNorm,
  gumbel,
  hostKey,
  hostTensor,
  keyWords,
  layerNorm,
  mapTree,
  normal,
  permutation,
  philoxNormal,
  philoxPermutation,
  philoxUniform,
  randomInteger,
  rmsNorm,
  scaledDotProductAttention,
  sigmoidCrossEntropy,
  silu,
  sizeOf,
  softmaxCrossEntropy,
  split,
  stopGradient,
  unflatten,
  uniform,
} from "@latentkit/jit";
export * from "./checkpoint.js";
export { type Clock, systemClock } from "./clock.js";
export { createContainer, resolveAll } from "./container.js";
export * from "./data.js";
export type { DependencyContainer, InjectionToken } from "./di.js";
export * from "./distributions/index.js";
export type { EngineFactory, EngineOptions } from "./engine-factory.js";
export { Evaluator, type Metric, type MetricContext, type MetricResult, builtinMetrics, meanAndError } from "./evaluator.js";
export * from "./images.js";
export * from "./log.js";
export * from "./model.js";
export { type ModelSpecs, batchSpecs, modelSpecs, parameterCount } from "./model-specs.js";
export { didYouMean, nearestName } from "./nearest.js";
export * as nn from "./nn/index.js";
export * from "./optim/index.js";
export { parseOptions } from "./options.js";
export * from "./plugin.js";
export * from "./safetensors.js";
export { type SampleFrame, type SampleOptions, Session, type SplitOptions } from "./session.js";
export * from "./tokens.js";
export { createModel, type Run, train, type TrainOptions } from "./train.js";
export { activeObjectives, initialState, trainStateSpecs, trainStep } from "./train-step.js";
export { type StepConfig, type TrainConfig, type TrainConfigInput, trainConfigSchema } from "./train-config.js";
export { type FitRequest, type FitResult, type Progress, Trainer, type TrainerServices } from "./trainer.js";
