import type { Dataset, Split } from "./data.js";
import type { DataDescription } from "./evaluation/extractor.js";
import type { MetricResult } from "./metric-result.js";
import type { GenerativeModel } from "./model.js";
import type { Session } from "./session.js";

/** What a metric may look at. */
export interface MetricContext {
  readonly session: Session;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly seed: number;
  /** Only the first so many examples. */
  readonly limit?: number;
  /** What metrics that are measured together compute once for all of them, by name. */
  readonly shared?: Map<string, unknown>;
  /** The model's own sampling options, for what is measured of samples. */
  readonly sampling?: Readonly<Record<string, unknown>>;
  /** Told after each call of the engine that drew samples how many, and how long it took, in seconds. */
  readonly onSampled?: (samples: number, seconds: number) => void;
}

/** How far an evaluation is. */
export interface EvaluationProgress {
  /** The metric that is being measured. */
  readonly metric: string;
  /** Examples measured; those that wait for it are `examples`. */
  readonly done: number;
  readonly examples: number;
}

/** How an evaluation is watched, and stopped. */
export interface EvaluationWatch {
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined;
  /** Stops it with the signal's reason before the next examples are read. */
  readonly signal?: AbortSignal | undefined;
}

/** A measurement of a trained model; registered under the token `METRIC`. */
export interface Metric {
  readonly name: string;
  readonly summary: string;
  /** Computed only when asked for by name, because it takes long. */
  readonly onRequest?: boolean;
  /** Computed along with whatever metrics are asked for. */
  readonly everyEvaluation?: boolean;
  /** Computed at every evaluation during training too, on at most so many examples. */
  readonly monitor?: number;
  /** A word that stands for several metrics where names are asked for: for those of them that apply. */
  readonly group?: string;
  /** Why it cannot be computed for this model and data; `undefined` when it can. */
  refusal(model: GenerativeModel, data: DataDescription): string | undefined;
  /** Measures the split of the context. */
  evaluate(context: MetricContext): Promise<MetricResult>;
}
