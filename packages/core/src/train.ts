import { type Engine, type HostTensor, UserError } from "@latentkit/jit";
import { type CheckpointStore, MemoryCheckpointStore } from "./checkpoint.js";
import { systemClock } from "./clock.js";
import type { SampleFrame } from "./compiled-scan.js";
import type { Dataset, DatasetSource } from "./data.js";
import { createEvaluator } from "./evaluation/create-evaluator.js";
import type { FeatureExtractor } from "./evaluation/extractor.js";
import { generateText, streamText, type TextFrame, type TextRequest } from "./generate-text.js";
import { combineSinks, type LogSink } from "./log.js";
import type { EvaluationProgress } from "./metric.js";
import type { MetricResult } from "./metric-result.js";
import { parseOptions } from "./options.js";
import type { ConfiguredModel } from "./plugin.js";
import type { SampleOptions } from "./sample-request.js";
import type { Session } from "./session.js";
import { type TrainConfig, type TrainConfigInput, trainConfigSchema, trainingOf } from "./train-config.js";
import { type FitResult, type Progress, Trainer } from "./trainer.js";

/** What {@link train} takes: the training configuration, and what it is about. */
export interface TrainOptions extends TrainConfigInput {
  readonly model: ConfiguredModel;
  readonly data: DatasetSource;
  readonly engine: Engine;
  /** In memory when absent. */
  readonly checkpoints?: CheckpointStore;
  readonly sinks?: readonly LogSink[];
  /** Classifiers that grade samples: `run.evaluate(["samples"])`. None when absent. */
  readonly extractors?: readonly FeatureExtractor[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Told before each batch of an evaluation how far it is. */
  readonly onEvaluationProgress?: (progress: EvaluationProgress) => void;
  /** Told in one line what an evaluation found wrong with the model; `console.warn` when absent. */
  readonly onWarning?: (warning: string) => void;
}

/** A trained model. */
export interface Run {
  readonly session: Session;
  readonly dataset: Dataset;
  readonly config: TrainConfig;
  readonly result: FitResult;
  /** Samples in the data's own range, shape `(n, ...datum.shape)`. @throws UserError when `n`, a label or an option is impossible. */
  sample(options: SampleOptions): Promise<HostTensor>;
  /** The sampling scan, step by step. */
  sampleStream(options: SampleOptions): AsyncIterable<SampleFrame>;
  /** Texts of a model of text. @throws UserError when it is none, or a prompt is empty or holds what the vocabulary lacks. */
  generate(request: TextRequest): Promise<readonly string[]>;
  /** The same, token by token. */
  generateStream(request: TextRequest): AsyncIterable<TextFrame>;
  /**
   * Measures on the test split.
   *
   * @param metrics Names or groups (`samples`); all that apply and are quick when absent.
   * @param options `limit`: only the first so many examples; `seed`: the run's when absent.
   * @throws UserError for an unknown metric or one that does not apply.
   */
  evaluate(
    metrics?: readonly string[],
    options?: { seed?: number; limit?: number },
  ): Promise<Record<string, MetricResult>>;
}

/**
 * Trains a model: `await train({ model: vae({ latentDim: 20 }), data: mnist(), engine: onnx(), steps: 5000, seed: 0 })`.
 *
 * @throws UserError when options, model and data do not fit each other, or training diverges.
 */
export async function train(options: TrainOptions): Promise<Run> {
  const { model: chosen, data, engine, checkpoints, ...more } = options;
  const { sinks = [], extractors = [], signal, onProgress, onEvaluationProgress, onWarning, ...rest } = more;
  const { seed } = parseOptions("@latentkit/core", trainConfigSchema, rest);
  const dataset = await data.load(seed);
  const model = createModel(chosen, dataset);
  const config = trainingOf(model, rest);
  const evaluator = createEvaluator({ extractors });
  const trainer = new Trainer({
    clock: systemClock,
    checkpoints: checkpoints ?? new MemoryCheckpointStore({ keepLast: 1 }),
    sink: combineSinks(sinks),
    evaluator,
  });
  const result = await trainer.fit({
    model,
    dataset,
    engine,
    config,
    onWarning: onWarning ?? ((warning) => console.warn(warning)),
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress } : {}),
    ...(onEvaluationProgress ? { onEvaluationProgress } : {}),
  });
  const { session } = result;
  return {
    session,
    dataset,
    config,
    result,
    sample: (request) => session.sample(request),
    sampleStream: (request) => session.sampleStream(request),
    generate: (request) => generateText(session, dataset, request),
    generateStream: (request) => streamText(session, dataset, request),
    evaluate: (metrics, { seed = config.seed, limit } = {}) =>
      evaluator.evaluate({ session, dataset, split: dataset.splits.test, seed, ...(limit ? { limit } : {}) }, metrics),
  };
}

/**
 * The model of a configuration for given data.
 *
 * @throws UserError when an option is wrong or cannot be right for the data.
 */
export function createModel({ plugin, config }: ConfiguredModel, dataset: Dataset) {
  const model = plugin.create(parseOptions(plugin.name, plugin.config, config), dataset.datum);
  if (model.objectives.length === 0) throw new UserError(plugin.name, "the model has no objective to train");
  return model;
}
