import { UserError } from "@latentkit/jit";
import type { DatumSpec } from "../../data.js";
import { sampleCount } from "../../evaluation/grading.js";
import { SAMPLE_METRICS } from "../../evaluation/sample-metrics.js";
import type { Evaluator } from "../../evaluator.js";
import type { Metric, MetricContext } from "../../metric.js";
import type { MetricResult } from "../../metric-result.js";
import type { GenerativeModel } from "../../model.js";
import { MAX_SAMPLES_A_CALL } from "../../session.js";
import type { Capabilities, CostPoint } from "./result.js";

/** Beside the grades of samples, in the order of the table. */
const MODEL_METRICS = ["bitsPerDim", "logProb", "elbo", "linearProbe"];
/** What says in one number how good samples are, the first that applies; lower is better for all of them. */
const QUALITY = [/^fid[A-Z]/, /^energyDistance$/];

/** The name among these of the metric of sample quality that curves show; `undefined` when there is none. */
export function qualityName(names: readonly string[]): string | undefined {
  return QUALITY.map((pattern) => names.find((name) => pattern.test(name))).find(Boolean);
}

/** The metrics that a comparison computes of a model, by capability. */
export function comparedMetrics(evaluator: Evaluator, { session, dataset }: MetricContext): Metric[] {
  return evaluator
    .available(session.model, dataset)
    .filter(({ metric, refusal }) => {
      if (refusal !== undefined) return false;
      if (metric.name === "bitsPerDim") return isDiscrete(dataset.datum);
      return metric.group === SAMPLE_METRICS || MODEL_METRICS.includes(metric.name);
    })
    .map(({ metric }) => metric)
    .sort((a, b) => placeOf(a.name) - placeOf(b.name));
}

/** Bits a dimension compare across data of levels; of a density they are a matter of units. */
const isDiscrete = ({ kind, levels }: DatumSpec): boolean => kind !== "continuous" || levels !== undefined;

/** Where a metric stands in the table: likelihoods first, then samples, then the inside. */
export function placeOf(name: string): number {
  const at = MODEL_METRICS.indexOf(name);
  return at < 0 ? 10 : name === "linearProbe" ? 20 : at;
}

/** {@link qualityName}'s metric; `undefined` when the data have none. */
export function qualityMetric(evaluator: Evaluator, { session, dataset }: MetricContext): Metric | undefined {
  const known = evaluator.available(session.model, dataset).filter(({ refusal }) => refusal === undefined);
  const name = qualityName(known.map(({ metric }) => metric.name));
  return known.find(({ metric }) => metric.name === name)?.metric;
}

/** Numbers, and the reasons of those metrics that refused. */
export interface Measured {
  readonly metrics: Record<string, MetricResult>;
  readonly refused: Record<string, string>;
}

/** Measures one after another; samples are drawn once for all. What a metric refuses is kept as its reason. */
export async function measureEach(metrics: readonly Metric[], context: MetricContext): Promise<Measured> {
  const measured: Measured = { metrics: {}, refused: {} };
  for (const metric of metrics) {
    try {
      measured.metrics[metric.name] = await metric.evaluate(context);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      measured.refused[metric.name] = error.message;
    }
  }
  return measured;
}

/** What the contract says that a model can do. */
export function capabilitiesOf(model: GenerativeModel): Capabilities {
  const latent = model.latent ?? model.scanLatent;
  return {
    likelihood: model.logProb ? "exact" : model.elbo ? "bound" : "none",
    latent: latent === undefined ? "none" : latent.encode ? "encode and decode" : "decode",
    samplingSteps: model.sampling({ n: 1, options: {} }).steps,
    conditional: model.conditional === true,
  };
}

/**
 * Samples behind a grade that is taken many times: a quarter of them, in whole calls of the engine, so that all grades of a model run the
 * same compiled programs.
 */
export function momentSamples(samples: number): number {
  return Math.min(samples, MAX_SAMPLES_A_CALL * Math.ceil(samples / 4 / MAX_SAMPLES_A_CALL));
}

/** Grading whose draws of samples are timed. */
export interface TimedGrading {
  readonly context: MetricContext;
  /**
   * Seconds a sample by default or with the context's options: the median over the calls of the engine that metrics of the context made. Where
   * they drew none, or with labels, one call is made for it. Compiling does not count.
   */
  secondsPerSample(): Promise<number>;
}

/** Compiles what a context's samples need, and times their drawing. */
export async function timedGrading(context: MetricContext): Promise<TimedGrading> {
  const { session, seed, sampling: options = {} } = context;
  const request = { n: Math.min(sampleCount(context).n, MAX_SAMPLES_A_CALL), seed, options };
  const rates: number[] = [];
  const onSampled = (samples: number, seconds: number) => rates.push(seconds / samples);
  const isConditional = session.model.conditional === true;
  if (!isConditional) await session.prepare(request);
  return {
    context: isConditional ? context : { ...context, onSampled },
    async secondsPerSample() {
      if (isConditional) await session.prepare(request);
      if (rates.length === 0) await session.sample(request, onSampled);
      return median(rates);
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]] as [number, number];
  return (low + high) / 2;
}

/**
 * What sampling costs and what it gives, at each value of the model's ladder when that changes the number of steps. A ladder of another kind
 * (temperatures) costs the same at every value: then there is one point, the defaults. Where no two values make the same number of steps, the one
 * that makes the defaults' is the defaults' own, and not measured again.
 *
 * @param defaults What is known of the model's defaults already: a quality of as many samples as the context's.
 */
export async function samplingCosts(
  metric: Metric | undefined,
  context: MetricContext,
  defaults: CostPoint,
): Promise<CostPoint[]> {
  const { session } = context;
  const { model } = session;
  const { ladder } = model;
  const steps = (options: Record<string, unknown>) => model.sampling({ n: 1, options }).steps;
  const values = ladder?.values.map((value) => ({ [ladder.option]: value })) ?? [];
  const numbers = new Set(values.map(steps));
  if (numbers.size <= 1) return [defaults];
  const isDefault = (options: Record<string, unknown>) =>
    numbers.size === values.length && steps(options) === steps({});
  const points: CostPoint[] = [];
  for (const options of values) {
    const label = Object.entries(options)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
    if (isDefault(options)) {
      points.push({ ...defaults, label });
      continue;
    }
    const timed = await timedGrading({ ...context, sampling: options, shared: new Map() });
    const quality = metric && (await measureEach([metric], timed.context)).metrics[metric.name];
    points.push({ label, secondsPerSample: await timed.secondsPerSample(), ...(quality ? { quality } : {}) });
  }
  return points;
}
