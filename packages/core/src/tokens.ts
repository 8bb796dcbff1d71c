import type { CheckpointStore } from "./checkpoint.js";
import type { Clock } from "./clock.js";
import type { DatasetFactory } from "./data.js";
import type { InjectionToken } from "./di.js";
import type { EngineFactory } from "./engine-factory.js";
import type { Evaluator, Metric } from "./evaluator.js";
import type { LogSink } from "./log.js";
import type { ModelPlugin } from "./plugin.js";
import type { Trainer } from "./trainer.js";

/** A typed key of the container. `Symbol.for`, so that two installed copies of core agree. */
export const token = <T>(name: string) => Symbol.for(`@latentkit/core/${name}`) as InjectionToken<T>;

/** Many. */
export const MODEL_PLUGIN = token<ModelPlugin>("ModelPlugin");
/** Many. */
export const ENGINE = token<EngineFactory>("Engine");
/** Many. */
export const DATASET = token<DatasetFactory>("Dataset");
/** Many. */
export const METRIC = token<Metric>("Metric");
/** Many; what is logged goes to all of them. */
export const LOG_SINK = token<LogSink>("LogSink");
export const CHECKPOINT_STORE = token<CheckpointStore>("CheckpointStore");
export const CLOCK = token<Clock>("Clock");
export const TRAINER = token<Trainer>("Trainer");
export const EVALUATOR = token<Evaluator>("Evaluator");
