import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { Engine, HostTensor } from "@latentkit/jit";
import { batchOrder } from "../batches.js";
import { type CheckpointChoice, type CheckpointStore, MemoryCheckpointStore } from "../checkpoint.js";
import { systemClock } from "../clock.js";
import type { Dataset, DatasetSource } from "../data.js";
import { Evaluator } from "../evaluator.js";
import { combineSinks, type LogSink } from "../log.js";
import type { GenerativeModel } from "../model.js";
import { modelSpecs } from "../model-specs.js";
import { parseOptions } from "../options.js";
import type { ConfiguredModel } from "../plugin.js";
import type { Session } from "../session.js";
import { createModel } from "../train.js";
import {
  estimateSize,
  isTimed,
  type TrainConfig,
  type TrainConfigInput,
  totalSteps,
  trainConfigSchema,
  trainingOf,
} from "../train-config.js";
import { type FitRequest, type FitResult, type Progress, Trainer, type Trial } from "../trainer.js";
import type { FileCheckpointStore } from "./checkpoint-store.js";
import { dataKind, selectRows } from "./report/data-kind.js";
import { bytesOf, type Drawing, endingOf } from "./report/figure.js";
import { drawData } from "./report/figures.js";
import { type Report, writeReport } from "./report/index.js";
import { describeDataset, type RunDescription, storedDescription } from "./run-description.js";
import { createRunFolder, openRunFolder, type RunFolder, requireNoRun } from "./run-folder.js";

/** What {@link trainRun} trains, and where it keeps it. */
export interface TrainRunRequest {
  readonly model: ConfiguredModel;
  readonly data: DatasetSource;
  readonly engine: Engine;
  readonly config: TrainConfigInput;
  /** The run folder. */
  readonly out: string;
  /** Delete a run that is there already. */
  readonly overwrite?: boolean | undefined;
  /** Continue the run that is there from one of its checkpoints. A run killed before its first checkpoint begins anew, with the same result. */
  readonly resume?: CheckpointChoice | undefined;
  /** Stop early: everything is saved, and the result says `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Told before each batch of an evaluation how far it is. */
  readonly onEvaluationProgress?: FitRequest["onEvaluationProgress"] | undefined;
  /**
   * Told what every evaluation measured, with the model as it is then; awaited, its time is not the run's.
   *
   * @returns Samples, if it has drawn some as the model does by default: the first of them are shown, and none are drawn to be shown.
   */
  readonly onEvaluate?:
    | ((...told: Parameters<NonNullable<FitRequest["onEvaluate"]>>) => Promise<HostTensor | undefined> | undefined)
    | undefined;
  /** Evaluations of a run, when `evaluateEvery` is not given; when absent 10, or as few as keep them cheap against the training. */
  readonly evaluations?: number | undefined;
  /** Every evaluation, the one at the end too, measures the first so many test examples; when absent, `config.evaluateLimit` says how many. */
  readonly evaluateLimit?: number | undefined;
  /** Told in a few words what happens besides training: loading, drawing. */
  readonly onStage?: ((stage: string) => void) | undefined;
  /** Told in one line what went wrong without stopping the run. */
  readonly onWarning?: ((warning: string) => void) | undefined;
  /** Metrics or groups to compute at the end for the report, besides what training measures. */
  readonly metrics?: readonly string[] | undefined;
  /** The built-in metrics when absent. */
  readonly evaluator?: Evaluator | undefined;
  /** Besides `metrics.jsonl` and TensorBoard's events. */
  readonly sinks?: readonly LogSink[] | undefined;
  /** Kept in `config.json` and shown by the report. */
  readonly command?: string | undefined;
  /** Versions of further packages, by name. */
  readonly versions?: Readonly<Record<string, string>> | undefined;
}

/** A run that was trained. */
export interface TrainedRun {
  readonly folder: RunFolder;
  readonly description: RunDescription;
  readonly session: Session;
  readonly dataset: Dataset;
  readonly result: FitResult;
  /** Absent when the run was interrupted. */
  readonly report?: Report;
}

/**
 * Trains a model into a run folder: configuration, logs, checkpoints, samples at every evaluation, and a report at the end.
 * Whatever can be refused is refused before the folder is touched. When `evaluateEvery` is not given, it is a tenth of the run, or as many updates as
 * train on five times the examples of an evaluation on the way, if that is more. `checkpointEvery` of a run that only a time limits is a tenth of it.
 *
 * @throws UserError when options, data and model do not fit each other, files cannot be read or written, or training diverges.
 */
export async function trainRun(request: TrainRunRequest): Promise<TrainedRun> {
  const { out, onStage = () => {} } = request;
  const { seed } = parseOptions("@latentkit/core", trainConfigSchema, request.config);
  parseOptions(request.model.plugin.name, request.model.plugin.config, request.model.config);
  const { overwrite } = request;
  const resumed = request.resume === undefined ? undefined : await openRunFolder(out);
  if (resumed === undefined) await requireNoRun(out, { overwrite });
  onStage(`loading ${request.data.name}`);
  const dataset = await request.data.load(seed);
  const model = createModel(request.model, dataset);
  const evaluator = request.evaluator ?? new Evaluator();
  if (request.metrics) evaluator.choose(model, dataset, request.metrics);
  const { config, stepsPerEpoch, trial } = await settle(request, dataset, model);
  const description = describe(request, config, dataset);
  const checkpoint = resumed && (await loadCheckpoint(resumed, request.resume as CheckpointChoice));
  const stored = storedDescription(description);
  const folder = await (resumed?.withConfig(stored) ?? createRunFolder(out, stored, { overwrite }));
  const sink = combineSinks([await folder.openLogs(checkpoint?.info.step ?? (resumed && 0)), ...(request.sinks ?? [])]);
  try {
    const fitted = await fitModel({ request, folder, model, dataset, config, trial, sink, checkpoint, evaluator });
    const { session } = fitted;
    if (fitted.interrupted) return { folder, description, session, dataset, result: fitted };
    const metrics = await finalMetrics(request, fitted, dataset, evaluator);
    if (metrics === undefined)
      return { folder, description, session, dataset, result: { ...fitted, interrupted: true } };
    const result = { ...fitted, metrics };
    const run = { folder, description, session, dataset, result };
    onStage("drawing the report");
    const counted = config.minutes === undefined ? (checkpoint?.info.step ?? 0) : 0;
    const trained = result.step - counted;
    const timing = trained > 0 ? { trainSeconds: result.trainSeconds, trainedSteps: trained } : {};
    const { step } = result;
    const summary = request.model.plugin.summary;
    return {
      ...run,
      report: await writeReport({
        ...run,
        ...timing,
        step,
        metrics,
        stepsPerEpoch,
        summary,
        date: new Date(systemClock.wallTime()),
      }),
    };
  } finally {
    await sink.close();
  }
}

/** Evaluations of a long run. */
const EVALUATIONS = 10;
/** Examples trained on for each one that an evaluation on the way measures: an update costs about three times as much as a likelihood. */
const TRAINED_AN_EVALUATED = 5;

/** The fewest updates between evaluations that keep these cheap. */
function updatesBetween(config: TrainConfig, testSize: number): number {
  return Math.ceil((TRAINED_AN_EVALUATED * estimateSize(config, testSize)) / config.batchSize);
}

/** Settles what depends on the data, and refuses what the trainer would refuse later, when the folder is already there. */
async function settle(
  { config: asked, engine, evaluations, onStage = () => {} }: TrainRunRequest,
  dataset: Dataset,
  model: GenerativeModel,
): Promise<{ config: TrainConfig; stepsPerEpoch: number; trial?: Trial }> {
  const { train, test } = dataset.splits;
  const given = trainingOf(model, asked);
  model.checkData?.(train, dataset.columns);
  const { stepsPerEpoch } = batchOrder(train.size, given.batchSize, given.seed);
  trainingOf(model, { ...given, steps: totalSteps(given, stepsPerEpoch) }); // schedules depend on the length
  modelSpecs(model, train, given.batchSize);
  const timed = isTimed(given);
  if (timed) onStage("measuring how many updates fit into the time");
  const trial = timed ? await tryOut({ model, dataset, engine, config: given }) : undefined;
  const steps = trial?.steps ?? totalSteps(given, stepsPerEpoch);
  const checkpointEvery = asked.checkpointEvery ?? (timed ? Math.ceil(steps / 10) : given.checkpointEvery);
  const cheapEvery = evaluations === undefined ? updatesBetween(given, test.size) : 1;
  const evaluateEvery = asked.evaluateEvery ?? Math.max(cheapEvery, Math.ceil(steps / (evaluations ?? EVALUATIONS)));
  const config = { ...given, steps, evaluateEvery, checkpointEvery };
  return { config, stepsPerEpoch, ...(trial && { trial }) };
}

function tryOut(request: FitRequest): Promise<Trial> {
  const checkpoints = new MemoryCheckpointStore();
  return new Trainer({
    clock: systemClock,
    checkpoints,
    sink: combineSinks([]),
    evaluator: new Evaluator([]),
  }).trial(request);
}

function describe(request: TrainRunRequest, train: TrainConfig, dataset: Dataset): RunDescription {
  const { model, data, engine, command, versions = {} } = request;
  return {
    model: {
      name: model.plugin.name,
      config: asJson(parseOptions(model.plugin.name, model.plugin.config, model.config)),
    },
    data: { name: data.name, options: asJson(data.options) },
    train,
    engine: { name: engine.name, details: asJson(engine.capabilities.details) },
    dataset: describeDataset(dataset),
    versions: { ...versions, "@latentkit/core": coreVersion(), node: process.versions.node },
    ...(command === undefined ? {} : { command }),
  };
}

const asJson = <T>(value: T): RunDescription["data"]["options"] => JSON.parse(JSON.stringify(value));

function coreVersion(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

type LoadedCheckpoint = Awaited<ReturnType<CheckpointStore["load"]>>;

/** The checkpoint to resume from, verified; none when the run was killed before it saved one. */
async function loadCheckpoint(folder: RunFolder, which: CheckpointChoice): Promise<LoadedCheckpoint | undefined> {
  if (which === "latest" && !(await hasCheckpoints(folder))) return undefined;
  return folder.checkpoints().load(which);
}

async function hasCheckpoints(folder: RunFolder): Promise<boolean> {
  const names = await readdir(folder.checkpointsFolder).catch(() => []);
  return names.some((name) => /^(\.replaced-)?\d{6,}$/.test(name));
}

/** The store of a folder; the checkpoint that was read and verified already is not read again. */
function storeWith(store: FileCheckpointStore, loaded: LoadedCheckpoint | undefined): CheckpointStore {
  if (loaded === undefined) return store;
  return {
    save: (step, files, meta) => store.save(step, files, meta),
    list: () => store.list(),
    load: async (which, files) =>
      which === loaded.info.step && files === undefined ? loaded : store.load(which, files),
  };
}

/** What training measured last, and what was asked for at the end; `undefined` when the signal stopped it. */
async function finalMetrics(
  { metrics: names = [], onStage = () => {}, onEvaluationProgress: onProgress, config, signal }: TrainRunRequest,
  { metrics, session }: FitResult,
  dataset: Dataset,
  evaluator: Evaluator,
): Promise<FitResult["metrics"] | undefined> {
  if (names.length === 0) return metrics;
  onStage(`measuring ${names.join(", ")}`);
  const context = { session, dataset, split: dataset.splits.test, seed: config.seed ?? 0 };
  try {
    return { ...metrics, ...(await evaluator.evaluate(context, names, { onProgress, signal })) };
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}

interface Fitting {
  readonly request: TrainRunRequest;
  readonly folder: RunFolder;
  readonly model: GenerativeModel;
  readonly dataset: Dataset;
  readonly config: TrainConfig;
  readonly trial: Trial | undefined;
  readonly sink: LogSink;
  readonly checkpoint: LoadedCheckpoint | undefined;
  readonly evaluator: Evaluator;
}

async function fitModel({
  request,
  folder,
  model,
  dataset,
  config,
  trial,
  sink,
  checkpoint,
  evaluator,
}: Fitting): Promise<FitResult> {
  const { engine, signal, onProgress, onEvaluationProgress, onWarning = () => {} } = request;
  const drawSamples = sampleDrawer(folder, sink, dataset, config.seed, onWarning);
  const checkpoints = storeWith(folder.checkpoints(), checkpoint);
  const trainer = new Trainer({ clock: systemClock, checkpoints, sink, evaluator });
  return trainer.fit({
    model,
    dataset,
    engine,
    config,
    ...(trial && { trial }),
    onEvaluate: async (step, results, session, ...more) => {
      const drawn = await request.onEvaluate?.(step, results, session, ...more);
      await drawSamples(step, session, drawn ?? undefined);
    },
    ...(request.evaluateLimit === undefined ? {} : { evaluateLimit: request.evaluateLimit }),
    onWarning,
    ...(checkpoint ? { resume: checkpoint.info.step } : {}),
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress } : {}),
    ...(onEvaluationProgress ? { onEvaluationProgress } : {}),
  });
}

/**
 * A small look at the model during training: the same noise every time, so that the files show it learn.
 * What cannot be drawn is a warning, the training goes on.
 */
function sampleDrawer(
  folder: RunFolder,
  sink: LogSink,
  dataset: Dataset,
  seed: number,
  onWarning: (warning: string) => void,
) {
  const n = dataKind(dataset.datum) === "images" ? 64 : 256;
  let warned = false;
  return async (step: number, session: Session, drawn?: HostTensor): Promise<void> => {
    const isEnough = drawn !== undefined && (drawn.shape[0] as number) >= n;
    let drawing: Drawing;
    try {
      const x = isEnough
        ? selectRows(
            drawn,
            Array.from({ length: n }, (_, i) => i),
          )
        : await session.sample({ n, seed });
      drawing = await drawData(x, dataset);
    } catch (error) {
      if (!warned) onWarning(`samples cannot be drawn: ${(error as Error).message}`);
      warned = true;
      return;
    }
    await folder.writeSample(`${String(step).padStart(6, "0")}.${endingOf(drawing)}`, bytesOf(drawing));
    if (drawing.kind === "png") sink.image?.(step, "samples", drawing.bytes);
    if (drawing.kind === "text") sink.text?.(step, "samples", drawing.texts.join("\n\n"));
  };
}
