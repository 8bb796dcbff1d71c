import { sizeOf, UserError } from "@latentkit/jit";
import type { Dataset } from "./data.js";
import { answerMetrics } from "./evaluation/answer-metrics.js";
import { classificationAccuracyScore } from "./evaluation/classification-score.js";
import type { DataDescription } from "./evaluation/extractor.js";
import { linearProbe } from "./evaluation/linear-probe.js";
import { likelihoods } from "./evaluation/measured-once.js";
import { modeCoverage } from "./evaluation/mode-coverage.js";
import { watchedSplit } from "./evaluation/partial-split.js";
import { copying, valueMetrics } from "./evaluation/sample-metrics.js";
import { textMetrics } from "./evaluation/text-metrics.js";
import type { EvaluationWatch, Metric, MetricContext } from "./metric.js";
import type { MetricResult } from "./metric-result.js";
import type { GenerativeModel, ModelMetric, ScanMetric } from "./model.js";
import { didYouMean } from "./nearest.js";

/** Mean and its standard error, `sd / sqrt(n)`, in float64; the error of one value is NaN. */
export function meanAndError(values: ArrayLike<number>): { value: number; stderr: number; n: number } {
  const n = values.length;
  let mean = 0;
  let squares = 0; // Welford: sum of squared deviations
  for (let i = 0; i < n; i++) {
    const x = values[i] as number;
    const delta = x - mean;
    mean += delta / (i + 1);
    squares += delta * (x - mean);
  }
  return { value: mean, stderr: n > 1 ? Math.sqrt(squares / (n - 1) / n) : Number.NaN, n };
}

function likelihoodNote(model: GenerativeModel): { note: string } | Record<string, never> {
  return model.likelihoodNote === undefined ? {} : { note: model.likelihoodNote };
}

function likelihood(name: "elbo" | "logProb", summary: string, missing: string): Metric {
  return {
    name,
    summary,
    refusal: (model) => (model[name] ? undefined : missing),
    async evaluate(context) {
      const { model } = context.session;
      const values = await likelihoods(name, context);
      return { ...meanAndError(values.data), unit: "nats", ...likelihoodNote(model) };
    },
  };
}

const elbo = likelihood(
  "elbo",
  "lower bound on the log-likelihood, one draw an example",
  "the model has no evidence lower bound",
);
const logProb = likelihood("logProb", "exact log-likelihood", "the model has no exact likelihood");

/** `-log2 p` a dimension. Discrete data need no correction; densities of continuous data are left as densities. */
const bitsPerDim: Metric = {
  name: "bitsPerDim",
  summary: "negative log-likelihood (or its bound) in bits a dimension",
  refusal: (model) => (model.logProb || model.elbo ? undefined : "the model has neither a likelihood nor a bound"),
  async evaluate(context) {
    const { model } = context.session;
    const values = await likelihoods(model.logProb ? "logProb" : "elbo", context);
    const { value, stderr, n } = meanAndError(values.data);
    const nats = sizeOf(model.datum.shape) * Math.LN2;
    return { value: -value / nats, stderr: stderr / nats, n, unit: "bits/dim", ...likelihoodNote(model) };
  },
};

/** The likelihood of an evaluation during training: the first of these that applies. */
const LIKELIHOODS = ["logProb", "elbo"];

/** The metrics that need nothing but the model and the data. */
export const builtinMetrics: readonly Metric[] = [
  elbo,
  logProb,
  bitsPerDim,
  ...textMetrics,
  ...answerMetrics,
  copying,
  ...valueMetrics,
  classificationAccuracyScore,
  linearProbe,
];

const LIKELIHOOD_UNITS = ["nats", "bits/dim"];

/** The measurements that a model brings itself. */
function modelMetrics(model: GenerativeModel): Metric[] {
  const all: [string, ModelMetric | ScanMetric][] = Object.entries({ ...model.metrics, ...model.scanMetrics });
  return all.map(([name, metric]) => ({
    name,
    summary: metric.summary,
    ...(metric.onRequest ? { onRequest: true } : {}),
    ...(metric.everyEvaluation ? { everyEvaluation: true } : {}),
    ...(metric.monitor === undefined ? {} : { monitor: metric.monitor }),
    refusal: () => undefined,
    async evaluate({ session, split, seed, limit = split.size }) {
      const options = { seed, limit: Math.min(limit, metric.limit ?? split.size) };
      const values = await ("scan" in metric
        ? session.perExampleScan(metric.scan, split, options)
        : session.perExample(metric.perExample, split, options));
      return {
        ...(LIKELIHOOD_UNITS.includes(metric.unit) ? likelihoodNote(model) : {}),
        ...(metric.aggregate?.(values) ?? meanAndError(values.data)),
        unit: metric.unit,
      };
    },
  }));
}

/** A metric, and why it does not apply, if so. */
interface KnownMetric {
  readonly metric: Metric;
  readonly refusal: string | undefined;
}

/** Runs metrics on a trained model. */
export class Evaluator {
  /** @param registered Metrics of any model; models bring more of their own. */
  constructor(readonly registered: readonly Metric[] = [...builtinMetrics, modeCoverage([])]) {}

  /** Every metric known for a model, with the reason when one does not apply. */
  available(model: GenerativeModel, data: DataDescription): KnownMetric[] {
    return [...this.registered, ...modelMetrics(model)].map((metric) => ({
      metric,
      refusal: metric.refusal(model, data),
    }));
  }

  /**
   * What an evaluation during training computes: one likelihood of the examples, and the metrics that watch a run.
   *
   * @throws The reason of the signal, when it stops the evaluation.
   */
  async monitor(context: MetricContext, watch: EvaluationWatch = {}): Promise<Record<string, MetricResult>> {
    const { model } = context.session;
    const applicable = this.available(model, context.dataset)
      .filter(({ refusal }) => refusal === undefined)
      .map(({ metric }) => metric);
    const likelihood = LIKELIHOODS.map((name) => applicable.find((metric) => metric.name === name)).find(Boolean);
    const results: Record<string, MetricResult> = {};
    const shared = new Map<string, unknown>();
    const measure = watchedMeasure(context, watch);
    if (likelihood !== undefined) results[likelihood.name] = await measure(likelihood);
    for (const metric of applicable) {
      const most = metric.monitor ?? model.watches?.[metric.name];
      if (most === undefined) continue;
      const limit = Math.min(most, context.limit ?? most);
      results[metric.name] = await measure(metric, { limit, shared });
    }
    return results;
  }

  /**
   * The metrics that names stand for, in their order, each once; then those that come along with any.
   *
   * @param names Metrics, or groups of them; all that apply and are quick when absent.
   * @throws UserError for an unknown metric or one that does not apply.
   */
  choose(model: GenerativeModel, data: DataDescription, names?: readonly string[]): Metric[] {
    const known = this.available(model, data);
    if (names !== undefined) {
      const always = known.filter(({ metric }) => metric.everyEvaluation).map(({ metric }) => metric);
      return [...new Set([...names.flatMap((name) => find(name, known)), ...always])];
    }
    const { watches = {} } = model;
    return known
      .filter(({ metric, refusal }) => refusal === undefined && (!metric.onRequest || metric.name in watches))
      .map(({ metric }) => metric);
  }

  /**
   * Measures a model on a split.
   *
   * @param names As for {@link choose}.
   * @throws UserError for an unknown metric, one that does not apply, or too few examples for it; the reason of the signal, when it stops the evaluation.
   */
  async evaluate(
    context: MetricContext,
    names?: readonly string[],
    watch: EvaluationWatch = {},
  ): Promise<Record<string, MetricResult>> {
    const results: Record<string, MetricResult> = {};
    const measure = watchedMeasure({ shared: new Map<string, unknown>(), ...context }, watch);
    for (const metric of this.choose(context.session.model, context.dataset, names)) {
      results[metric.name] = await measure(metric);
    }
    return results;
  }
}

/** Measures one metric after another. @param more Changes to the context for one of them. */
type Measure = (metric: Metric, more?: Partial<MetricContext>) => Promise<MetricResult>;

/** Measuring that tells before each reading of the split how much of it the metric has read, and stops there when the signal says so. */
function watchedMeasure(context: MetricContext, { onProgress, signal }: EvaluationWatch): Measure {
  if (onProgress === undefined && signal === undefined)
    return (metric, more) => metric.evaluate(more ? { ...context, ...more } : context);
  let current = { metric: "", examples: 0, done: 0 };
  const split = watchedSplit(context.split, (rows) => {
    signal?.throwIfAborted();
    onProgress?.({ ...current, done: Math.min(current.done, current.examples) });
    current.done += rows;
  });
  const named = Object.entries(context.dataset.splits).map(([name, s]) => [name, s === context.split ? split : s]);
  const splits = Object.fromEntries(named) as Dataset["splits"]; // metrics ask whether the split is one of them
  const watched = { ...context, split, dataset: { ...context.dataset, splits } };
  return (metric, more) => {
    const { limit = split.size } = { ...context, ...more };
    current = { metric: metric.name, examples: Math.min(limit, split.size), done: 0 };
    signal?.throwIfAborted();
    onProgress?.({ ...current }); // compiling comes before the first reading
    return metric.evaluate(more ? { ...watched, ...more } : watched); // what a context knows is not computed twice
  };
}

/** The metric of a name, or those of a group that apply. @throws UserError when there is none. */
function find(name: string, known: readonly KnownMetric[]): Metric[] {
  const named = known.filter(({ metric }) => metric.name === name);
  const found = named.length > 0 ? named : known.filter(({ metric }) => metric.group === name);
  if (found.length === 0) throw unknownMetric(name, known);
  const applicable = found.filter(({ refusal }) => refusal === undefined);
  if (applicable.length > 0) return applicable.map(({ metric }) => metric);
  throw new UserError("@latentkit/core", `metric ${name} does not apply: ${found[0]?.refusal}`);
}

function unknownMetric(name: string, known: readonly KnownMetric[]): UserError {
  const names = known.map(({ metric }) => metric.name);
  const groups = [...new Set(known.flatMap(({ metric }) => metric.group ?? []))];
  const list = `known: ${[...names.filter((_, i) => known[i]?.refusal === undefined), ...groups].join(", ")}`;
  return new UserError(
    "@latentkit/core",
    `unknown metric "${name}"${didYouMean(name, [...names, ...groups])}; ${list}`,
  );
}
