import { UserError } from "@latentkit/jit";
import type { DatumSpec } from "../../data.js";
import { SAMPLE_METRICS } from "../../evaluation/sample-metrics.js";
import type { Evaluator, Metric, MetricContext, MetricResult } from "../../evaluator.js";
import type { GenerativeModel } from "../../model.js";
import type { Session } from "../../session.js";
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

/** Samples of one call, as many as the engine takes at once. */
const SPEED_SAMPLES = 256;

/** Seconds a sample, of a call whose programs are compiled already where the engine keeps them. */
export async function secondsPerSample(session: Session, n: number, options: Record<string, unknown> = {}) {
  const count = Math.min(n, SPEED_SAMPLES);
  const draw = async (): Promise<number> => {
    const started = performance.now();
    await session.sample({ n: count, seed: 1, options });
    return (performance.now() - started) / 1000 / count;
  };
  await draw();
  return draw();
}

/**
 * What sampling costs and what it gives, at each value of the model's ladder when that changes the number of steps. A ladder of another kind
 * (temperatures) costs the same at every value: then there is one point, the defaults.
 *
 * @param defaults What is known of the model's defaults already.
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
  if (new Set(values.map(steps)).size <= 1) return [defaults];
  const points: CostPoint[] = [];
  for (const options of values) {
    const quality = metric && (await measureEach([metric], { ...context, sampling: options })).metrics[metric.name];
    const label = Object.entries(options)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
    const seconds = await secondsPerSample(session, context.limit ?? SPEED_SAMPLES, options);
    points.push({ label, secondsPerSample: seconds, ...(quality ? { quality } : {}) });
  }
  return points;
}
