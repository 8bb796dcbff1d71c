import { existsSync } from "node:fs";
import { type Engine, UserError } from "@latentkit/jit";
import type { Dataset, DatasetSource } from "../../data.js";
import { drawnExamples, firstSamples, sampleCount } from "../../evaluation/grading.js";
import type { Evaluator } from "../../evaluator.js";
import type { Metric, MetricContext } from "../../metric.js";
import { modelSpecs, parameterCount } from "../../model-specs.js";
import type { ConfiguredModel } from "../../plugin.js";
import type { Session } from "../../session.js";
import { createModel } from "../../train.js";
import { type TrainConfigInput, trainingOf } from "../../train-config.js";
import type { Progress } from "../../trainer.js";
import { type TrainedRun, trainRun } from "../run.js";
import { readDescription } from "../run-description.js";
import { openRunFolder } from "../run-folder.js";
import type { ComparisonFolder, ComparisonPlan } from "./comparison-folder.js";
import {
  capabilitiesOf,
  comparedMetrics,
  measureEach,
  momentSamples,
  qualityMetric,
  samplingCosts,
  type TimedGrading,
  timedGrading,
} from "./grade.js";
import { modelFigures } from "./model-figures.js";
import { type CostPoint, type Grades, type ModelResult, type Moment, readResult, writeResult } from "./result.js";
import { storeFigure } from "./stored-figure.js";

/** Evaluations of a run, the last one at its end. */
const MOMENTS = 4;

/** Everything about one model of a comparison. */
export interface ModelRequest {
  readonly model: ConfiguredModel;
  readonly dataset: Dataset;
  readonly data: DatasetSource;
  readonly plan: ComparisonPlan;
  readonly folder: ComparisonFolder;
  readonly evaluator: Evaluator;
  createEngine(): Promise<Engine>;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((model: string, progress: Progress) => void) | undefined;
  readonly onStage?: ((stage: string) => void) | undefined;
  readonly onWarning?: ((warning: string) => void) | undefined;
  readonly versions?: Readonly<Record<string, string>> | undefined;
}

/**
 * Trains and grades one model; what is done already is kept. Whatever goes wrong is told in the result.
 *
 * @returns `undefined` when it was interrupted; everything is saved then.
 */
export async function compareModel(request: ModelRequest): Promise<ModelResult | undefined> {
  const { folder, model, signal } = request;
  const { name, summary } = model.plugin;
  const path = folder.resultOf(name);
  const before = await readResult(path);
  if (before?.status === "done") return before;
  const start: ModelResult = { name, summary, status: "training", moments: before?.moments ?? [] };
  const end = async (result: ModelResult): Promise<ModelResult> => {
    await writeResult(path, result);
    return result;
  };
  const unfit = refusalOf(request);
  if (unfit !== undefined) return end({ ...start, status: "not applicable", reason: unfit });
  let engine: Engine | undefined;
  try {
    engine = await request.createEngine();
    const result = await trainAndGrade(request, engine, start);
    return result === undefined ? undefined : await end(result);
  } catch (error) {
    if (signal?.aborted) return undefined;
    return end({ ...start, status: "failed", reason: reasonOf(error) });
  } finally {
    await engine?.dispose();
  }
}

/** Why the model cannot be trained on the data at all; `undefined` when it can. */
function refusalOf({ model: chosen, dataset, plan }: ModelRequest): string | undefined {
  const { train } = dataset.splits;
  try {
    const model = createModel(chosen, dataset);
    model.checkData?.(train, dataset.columns);
    modelSpecs(model, train, trainingOf(model, freshConfig(chosen, dataset, plan)).batchSize);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Training options of a new run: the time, and a batch no larger than the data. Everything else is the model's own choice. */
function freshConfig(chosen: ConfiguredModel, dataset: Dataset, { minutes, seed }: ComparisonPlan): TrainConfigInput {
  const { size } = dataset.splits.train;
  const { batchSize } = trainingOf(createModel(chosen, dataset), { minutes, seed });
  return { minutes, seed, ...(batchSize > size ? { batchSize: size } : {}) };
}

/** Why something failed, in one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof UserError) return error.message;
  const { name = "Error", message = String(error) } = (error ?? {}) as Partial<Error>;
  return `${name === "Error" ? "internal error" : name}: ${message.trim().replace(/\s*\n\s*/g, " ")}`;
}

async function trainAndGrade(
  request: ModelRequest,
  engine: Engine,
  start: ModelResult,
): Promise<ModelResult | undefined> {
  const { folder, evaluator, onStage = () => {} } = request;
  let moments: Moment[] = [...start.moments];
  let grading: TimedGrading | undefined;
  const run = await train(request, engine, async (step, results, session, seconds, isLast) => {
    onStage(`${start.name}: grading at ${Math.round(seconds)} s`);
    const context = momentContextOf(request, session);
    const quality = qualityMetric(evaluator, context);
    if (isLast) {
      grading = await timedGrading(contextOf(request, session, request.plan.samples));
      await drawFor(quality, grading.context, context);
    }
    const { metrics } = await measureEach(quality ? [quality] : [], context);
    const moment = { step, seconds, metrics: { ...results, ...metrics } };
    moments = [...moments.filter((earlier) => earlier.step < step), moment];
    await writeResult(folder.resultOf(start.name), { ...start, moments });
    return session.model.conditional === true ? undefined : drawnExamples(context);
  });
  if (run.result.interrupted || grading === undefined) return undefined;
  onStage(`${start.name}: grading`);
  const grades = await gradeRun(request, run, grading, moments.at(-1));
  const figures = await figuresOf(request, run, grading.context);
  return { ...start, status: "done", moments, grades: { ...grades, figures } };
}

/** Draws the samples of the table, of which the last moment takes the first. */
async function drawFor(quality: Metric | undefined, table: MetricContext, moment: MetricContext): Promise<void> {
  await measureEach(quality ? [quality] : [], table);
  const { n } = sampleCount(moment);
  for (const [name, samples] of await firstSamples(table, n)) moment.shared?.set(name, samples);
}

function contextOf({ dataset, plan }: ModelRequest, session: Session, limit: number): MetricContext {
  return { session, dataset, split: dataset.splits.test, seed: plan.seed, limit, shared: new Map() };
}

/** For grades that are taken many times: fewer samples. */
function momentContextOf(request: ModelRequest, session: Session): MetricContext {
  return contextOf(request, session, momentSamples(request.plan.samples));
}

/** A new run, or the rest of one that was killed. */
async function train(
  request: ModelRequest,
  engine: Engine,
  onEvaluate: NonNullable<Parameters<typeof trainRun>[0]["onEvaluate"]>,
): Promise<TrainedRun> {
  const { model, data, dataset, plan, folder, evaluator, signal, versions } = request;
  const { onProgress, onStage, onWarning } = request;
  const { name } = model.plugin;
  const out = folder.runOf(name);
  const isBegun = existsSync(`${out}/config.json`);
  const config = isBegun ? readDescription(await openRunFolder(out)).train : freshConfig(model, dataset, plan);
  return trainRun({
    model,
    data: { ...data, load: async () => dataset },
    engine,
    config,
    out,
    evaluator,
    evaluations: MOMENTS,
    evaluateLimit: momentSamples(plan.samples),
    onEvaluate,
    ...(isBegun ? { resume: "latest" as const } : {}),
    ...{ signal, versions, onStage, onWarning },
    ...(onProgress ? { onProgress: (progress: Progress) => onProgress(name, progress) } : {}),
  });
}

/** @param last The grade at the end of the training. */
async function gradeRun(
  request: ModelRequest,
  run: TrainedRun,
  { context, secondsPerSample }: TimedGrading,
  last: Moment | undefined,
): Promise<Omit<Grades, "figures">> {
  const { evaluator, dataset } = request;
  const { session, result, description } = run;
  const measured = await measureEach(comparedMetrics(evaluator, context), context);
  const quality = qualityMetric(evaluator, context);
  const seconds = await secondsPerSample();
  const known = quality && last?.metrics[quality.name];
  const defaults: CostPoint = { label: "", secondsPerSample: seconds, ...(known ? { quality: known } : {}) };
  const { batchSize } = description.train;
  const seen = result.step * batchSize;
  return {
    parameters: parameterCount(modelSpecs(session.model, dataset.splits.train, batchSize)),
    steps: result.step,
    batchSize,
    epochs: seen / dataset.splits.train.size,
    trainSeconds: result.trainSeconds,
    examplesPerSecond: seen / result.trainSeconds,
    samplesPerSecond: 1 / seconds,
    capabilities: capabilitiesOf(session.model),
    ...measured,
    costs: await samplingCosts(quality, momentContextOf(request, session), defaults),
  };
}

async function figuresOf(
  { folder, model }: ModelRequest,
  { folder: { metricsFile } }: TrainedRun,
  context: MetricContext,
) {
  const drawn = context.session.model.conditional === true ? undefined : await drawnExamples(context);
  const figures = await modelFigures(model.plugin.name, context, metricsFile, drawn);
  return Promise.all(
    figures.map((figure) => ("reason" in figure ? figure : storeFigure(folder.figuresFolder, figure))),
  );
}
