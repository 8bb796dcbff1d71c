import { type Dataset, type Engine, parseCheckpointChoice, type Split, UserError } from "@latentkit/core";
import { checkSameKind, type OpenedRun, openRun } from "@latentkit/core/node";
import { type Command, Option } from "commander";
import { type App, createApp, createEngine, findData, findModel, type SplitName } from "./app.js";
import { addAssignments, parseAssignments, wholeNumber } from "./flags.js";

/** Flags of every command that uses a run. */
export interface RunFlags {
  readonly checkpoint?: string;
  readonly engine?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Flags of commands that read data. */
export interface DataFlags {
  readonly data?: string;
  readonly dataSet?: readonly string[];
  readonly seed?: number;
}

export function addRunFlags(command: Command): Command {
  return addEngineFlags(command)
    .argument("<run>", "the folder of a run")
    .option("--checkpoint <which>", "a step, latest or best (default: latest)")
    .option("--json", "print the result as one JSON object");
}

export function addEngineFlags(command: Command): Command {
  return command
    .option("--engine <name>", "auto, onnx or eager (default: auto; of a run: the one it was trained on)")
    .addOption(
      new Option("--threads <n>", "threads of the engine (default: all cores)").argParser(wholeNumber("--threads", 1)),
    );
}

export function addDataFlags(command: Command): Command {
  command.option(
    "--data <name>",
    "NAME[:ARGUMENT][:train|test|valid] (default: what the run was trained on, test split)",
  );
  addAssignments(command, "--data-set", "an option of the data set");
  return command.addOption(new Option("--seed <n>", "seed of noise (default: 0)").argParser(wholeNumber("--seed")));
}

/** A run ready for use. */
export interface OpenRun {
  readonly app: App;
  readonly run: OpenedRun;
  readonly engine: Engine;
}

/**
 * Opens a run, lets `work` use it, and frees the engine.
 *
 * @throws UserError when the run, its model or its checkpoint cannot be used.
 */
export async function withRun(path: string, flags: RunFlags, work: (open: OpenRun) => Promise<void>): Promise<void> {
  const app = await createApp();
  let engine: Engine | undefined;
  try {
    const run = await openRun(path, {
      findModel: (name) => findModel(app, name),
      createEngine: async ({ engine: trainedOn }) => {
        engine = await createEngine(app, flags.engine ?? knownEngine(app, trainedOn.name), flags.threads);
        return engine;
      },
      ...(flags.checkpoint === undefined ? {} : { checkpoint: parseCheckpointChoice(flags.checkpoint) }),
    });
    await work({ app, run, engine: engine as Engine });
  } finally {
    await engine?.dispose();
  }
}

/** The engine a run was trained on, `auto` when it is not installed here: results agree. */
export function knownEngine({ engines }: App, name: string): string {
  return engines.some((engine) => engine.name === name) ? name : "auto";
}

/** The data a command reads. */
export interface LoadedData {
  readonly dataset: Dataset;
  readonly split: Split;
  /** `mnist:test`. */
  readonly name: string;
}

/**
 * Loads the data of `--data`, or those of the run.
 *
 * @throws UserError when they cannot be read, lack the split, or do not fit the model.
 */
export async function loadData({ app, run }: OpenRun, flags: DataFlags): Promise<LoadedData> {
  const { description, session } = run;
  const { data } = description;
  const given = parseAssignments("--data-set", flags.dataSet);
  const base =
    flags.data === undefined || flags.data.replace(/:(train|test|valid)$/, "") === data.name ? data.options : {};
  const { source, split: splitName = "test" } = findData(app, flags.data ?? data.name, { ...base, ...given });
  const dataset = await source.load(description.train.seed);
  checkSameKind(dataset, session.model);
  return { dataset, split: splitOf(dataset, splitName), name: `${source.name}:${splitName}` };
}

function splitOf(dataset: Dataset, name: SplitName): Split {
  const split = dataset.splits[name];
  if (split !== undefined) return split;
  throw new UserError(
    "@latentkit/cli",
    `--data ${dataset.name} has no split ${name}; use ${Object.keys(dataset.splits).join(", ")}`,
  );
}
