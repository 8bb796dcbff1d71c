export {
  bernoulli,
  categorical,
  type DType,
  dynamicUpdateSlice,
  type Engine,
  eager,
  flatten,
  fold,
  gelu,
  groupNorm,
  gumbel,
  type HostTensor,
  hostKey,
  hostTensor,
  type Key,
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
  type Store,
  scaledDotProductAttention,
  sigmoidCrossEntropy,
  silu,
  sizeOf,
  softmaxCrossEntropy,
  split,
  stopGradient,
  type TensorSpec,
  TraceError,
  type Tree,
  UnsupportedKernelError,
  UserError,
  unflatten,
  uniform,
} from "@latentkit/jit";
export { type AnimationOptions, encodeApng } from "./animation.js";
export * from "./checkpoint.js";
export { type Clock, systemClock } from "./clock.js";
export type { SampleFrame } from "./compiled-scan.js";
export { createContainer, resolveAll } from "./container.js";
export * from "./data.js";
export type { DependencyContainer, InjectionToken } from "./di.js";
export * from "./distributions/index.js";
export {
  type EngineDevice,
  type EngineFactory,
  type EngineLowering,
  type EngineOptions,
  type EnginePrecision,
  type EngineProbe,
  isDevice,
  isLowering,
  isPrecision,
} from "./engine-factory.js";
export * from "./evaluation/index.js";
export { builtinMetrics, Evaluator, meanAndError } from "./evaluator.js";
export * from "./foreign.js";
export {
  generateText,
  NO_TOKEN,
  streamText,
  type TextDescription,
  type TextFrame,
  type TextRequest,
} from "./generate-text.js";
export * from "./images.js";
export * from "./log.js";
export * from "./metric.js";
export type { MetricResult } from "./metric-result.js";
export * from "./model.js";
export { batchSpecs, type ModelSpecs, modelSpecs, parameterCount } from "./model-specs.js";
export { didYouMean, nearestName } from "./nearest.js";
export * as nn from "./nn/index.js";
export * from "./optim/index.js";
export { parseOptions } from "./options.js";
export * from "./plugin.js";
export * from "./safetensors.js";
export type { SampleOptions } from "./sample-request.js";
export { type LatentSpace, MAX_SAMPLES_A_CALL, Session, type SplitOptions } from "./session.js";
export type { TensorTree } from "./tensor-tree.js";
export * from "./tokenizer/index.js";
export * from "./tokens.js";
export { createModel, type Run, type TrainOptions, train } from "./train.js";
export {
  type StepConfig,
  type TrainConfig,
  type TrainConfigInput,
  trainConfigSchema,
  trainingOf,
} from "./train-config.js";
export {
  type ActiveObjective,
  activeObjectives,
  initialState,
  stepInputSpecs,
  stepInputs,
  trainStateSpecs,
  trainStep,
} from "./train-step.js";
export {
  type FitRequest,
  type FitResult,
  type Progress,
  Trainer,
  type TrainerServices,
  type Trial,
} from "./trainer.js";
