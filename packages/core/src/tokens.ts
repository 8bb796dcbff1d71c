import type { CheckpointStore } from "./checkpoint.js";
import type { Clock } from "./clock.js";
import type { DatasetFactory } from "./data.js";
import type { InjectionToken } from "./di.js";
import type { EngineFactory } from "./engine-factory.js";
import type { FeatureExtractor } from "./evaluation/extractor.js";
import type { Evaluator } from "./evaluator.js";
import type { LogSink } from "./log.js";
import type { Metric } from "./metric.js";
import type { ModelPlugin } from "./plugin.js";
import type { Trainer } from "./trainer.js";

/** A typed key of the container. `Symbol.for`, so that two installed copies of core agree. */
export const token = <T>(name: string) => Symbol.for(`@latentkit/core/${name}`) as InjectionToken<T>;

/** Models; many. */
export const MODEL_PLUGIN = token<ModelPlugin>("ModelPlugin");
/** Engines that may be used here; many. */
export const ENGINE = token<EngineFactory>("Engine");
/** Data sets and readers by name; many. */
export const DATASET = token<DatasetFactory>("Dataset");
/** Measurements of any model; many, `builtinMetrics` to begin with. */
export const METRIC = token<Metric>("Metric");
/** Classifiers that grade samples; many, each brings its metrics. None by default. */
export const FEATURE_EXTRACTOR = token<FeatureExtractor>("FeatureExtractor");
/** Sinks of measurements; many, what is logged goes to all of them. */
export const LOG_SINK = token<LogSink>("LogSink");
/** Where checkpoints go; in memory by default. */
export const CHECKPOINT_STORE = token<CheckpointStore>("CheckpointStore");
/** Time; `systemClock` by default. */
export const CLOCK = token<Clock>("Clock");
/** A trainer with the container's clock, checkpoints, sinks and evaluator, as they are when it is resolved. */
export const TRAINER = token<Trainer>("Trainer");
/** An evaluator with the metrics and extractors registered when it is resolved. */
export const EVALUATOR = token<Evaluator>("Evaluator");
