import { type Engine, flatten, type TensorSpec, type Tree, UserError } from "@latentkit/jit";
import type { CheckpointChoice, CheckpointInfo } from "../checkpoint.js";
import type { Dataset, DatumSpec } from "../data.js";
import type { GenerativeModel } from "../model.js";
import { checkTensors, modelSpecs } from "../model-specs.js";
import type { ModelPlugin } from "../plugin.js";
import { Session, storedWeights } from "../session.js";
import { createModel } from "../train.js";
import { datasetShell, type RunDescription, readDescription } from "./run-description.js";
import { openRunFolder, type RunFolder } from "./run-folder.js";

/** What {@link openRun} needs besides the folder. */
export interface OpenRunRequest {
  /** Where the run's model is looked up by name. */
  findModel(name: string): ModelPlugin;
  /** Takes the description to learn which engine the run was trained on. */
  createEngine(description: RunDescription): Promise<Engine>;
  /** The latest when absent. */
  readonly checkpoint?: CheckpointChoice | undefined;
}

/** A run opened for use: its weights stand on an engine, its data were not read. */
export interface OpenedRun {
  readonly folder: RunFolder;
  readonly description: RunDescription;
  readonly session: Session;
  readonly checkpoint: CheckpointInfo;
  /** Description of the data without examples; give the real ones to what needs them. */
  readonly dataset: Dataset;
}

/**
 * Opens a run to sample, encode, decode or measure. The moving average of the weights is used when the run has one.
 *
 * @throws UserError when there is no run, its model is not installed, or the checkpoint is damaged or of another model.
 */
export async function openRun(path: string, request: OpenRunRequest): Promise<OpenedRun> {
  const folder = await openRunFolder(path);
  const description = readDescription(folder);
  const plugin = request.findModel(description.model.name);
  const dataset = await datasetShell(description.data.name, description.dataset);
  const model = createModel({ plugin, config: description.model.config }, dataset);
  const weights = description.train.emaDecay > 0 ? "ema" : "params";
  const { info, tensors } = await folder
    .checkpoints()
    .load(request.checkpoint ?? "latest", weights === "ema" ? ["model", "ema"] : ["model"]);
  const engine = await request.createEngine(description);
  const store = engine.createStore();
  const specs = modelSpecs(model, dataset.splits.train, description.train.batchSize);
  const entries = new Map(Object.values(tensors).flatMap((file) => [...file]));
  const used = { ...storedWeights(model, specs, weights), state: specs.state } as Tree<TensorSpec>;
  checkTensors(
    { ...(used as object), params: specs.params } as Tree<TensorSpec>,
    entries,
    `checkpoint ${info.name} of ${path}`,
  );
  const paths = new Set(flatten<TensorSpec>(used).map(([name]) => name));
  await store.write([...entries].filter(([name]) => paths.has(name)));
  return { folder, description, session: new Session(model, engine, store, specs, weights), checkpoint: info, dataset };
}

/** The model of a run, without its weights. @throws UserError when there is no run, or its model is not installed. */
export async function modelOfRun(
  path: string,
  findModel: (name: string) => ModelPlugin,
): Promise<{ model: GenerativeModel; plugin: ModelPlugin }> {
  const { model, data, dataset } = readDescription(await openRunFolder(path));
  const plugin = findModel(model.name);
  return { plugin, model: createModel({ plugin, config: model.config }, await datasetShell(data.name, dataset)) };
}

/**
 * Refuses data that a run's model cannot read.
 *
 * @param trained What is known of the data that the model was trained on.
 * @throws UserError when the data differ from those in kind, shape or vocabulary, or have more classes.
 */
export function checkSameKind(dataset: Dataset, model: GenerativeModel, trained?: Pick<Dataset, "tokens">): void {
  const [ours, theirs] = [model.datum, dataset.datum].map(describeDatum);
  const moreClasses = (dataset.datum.classes ?? 0) > (model.datum.classes ?? Number.POSITIVE_INFINITY);
  if (ours === theirs && !moreClasses) {
    checkSameTokens(dataset, trained?.tokens);
    return;
  }
  const difference =
    ours === theirs
      ? `has ${dataset.datum.classes} classes, the model knows ${model.datum.classes}`
      : `is ${theirs}, the model was trained on ${ours}`;
  throw new UserError("@latentkit/core", `--data ${dataset.name} ${difference}; choose data of the same kind`);
}

/** Two vocabularies of one size need not be the same. */
function checkSameTokens({ name, tokens }: Dataset, trained: readonly string[] | undefined): void {
  if (tokens === undefined || trained === undefined) return;
  const id = tokens.findIndex((token, i) => token !== trained[i]);
  if (id < 0) return;
  throw new UserError(
    "@latentkit/core",
    `--data ${name} was read by another tokenizer: its token ${id} is ${JSON.stringify(tokens[id])}, the model was trained with ${JSON.stringify(trained[id])}; choose the data of the run`,
  );
}

/** `continuous data of shape [28,28,1]`. */
function describeDatum({ kind, shape, vocabulary }: DatumSpec): string {
  return `${kind} data of shape [${shape}]${vocabulary === undefined ? "" : ` with ${vocabulary} tokens`}`;
}
