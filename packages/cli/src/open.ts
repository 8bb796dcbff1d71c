import {
  type Dataset,
  type Engine,
  type EngineDevice,
  type EngineLowering,
  type EngineOptions,
  type EnginePrecision,
  isDevice,
  isLowering,
  isPrecision,
  parseCheckpointChoice,
  type Split,
  UserError,
} from "@latentkit/core";
import { checkSameKind, type OpenedRun, openRun } from "@latentkit/core/node";
import { type Command, Option } from "commander";
import { type App, createApp, createEngine, findData, findModel, type SplitName } from "./app.js";
import { UsageError } from "./errors.js";
import { addAssignments, parseAssignments, wholeNumber } from "./flags.js";
import { colorsFor } from "./terminal.js";

/** Flags of every command that uses a run. */
export interface RunFlags extends EngineFlags {
  readonly checkpoint?: string;
  readonly json?: boolean;
}

/** Flags of every command that computes. */
export interface EngineFlags extends EngineOptions {
  readonly engine?: string;
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
    .option("--engine <name>", "auto, tensorflow, onnx or eager (default: auto; of a run: the one it was trained on)")
    .addOption(
      new Option("--threads <n>", "threads of the engine (default: all cores)").argParser(wholeNumber("--threads", 1)),
    )
    .addOption(
      new Option("--device <name>", "cpu, gpu or gpu:N (default: a GPU where the engine finds one)").argParser(
        parseDevice,
      ),
    )
    .addOption(
      new Option("--precision <format>", "of matrix products: float32 or bf16 (default: float32)").argParser(
        parsePrecision,
      ),
    )
    .addOption(
      new Option(
        "--lowering <name>",
        "how the tensorflow engine executes: xla, clusters or graph (default: chosen for each program)",
      ).argParser(parseLowering),
    );
}

function parseDevice(text: string): EngineDevice {
  if (isDevice(text)) return text;
  throw new UsageError(`--device must be cpu, gpu or gpu:N such as gpu:1, got "${text}"`);
}

function parsePrecision(text: string): EnginePrecision {
  if (isPrecision(text)) return text;
  throw new UsageError(`--precision must be float32 or bf16, got "${text}"`);
}

function parseLowering(text: string): EngineLowering {
  if (isLowering(text)) return text;
  throw new UsageError(`--lowering must be xla, clusters or graph, got "${text}"`);
}

/** The given ones of an engine's options. */
export function engineOptions({ threads, device, precision, lowering }: EngineOptions): EngineOptions {
  return {
    ...(threads === undefined ? {} : { threads }),
    ...(device === undefined ? {} : { device }),
    ...(precision === undefined ? {} : { precision }),
    ...(lowering === undefined ? {} : { lowering }),
  };
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
        const name = flags.engine ?? (await engineOfRun(app, trainedOn.name, flags.threads));
        engine = await createEngine(app, name, engineOptions(flags));
        return engine;
      },
      ...(flags.checkpoint === undefined ? {} : { checkpoint: parseCheckpointChoice(flags.checkpoint) }),
    });
    await work({ app, run, engine: engine as Engine });
  } finally {
    await engine?.dispose();
  }
}

/** The engine a run was trained on, `auto` with a warning when it cannot run here: results agree up to rounding. */
export async function engineOfRun({ engines }: App, name: string, threads?: number): Promise<string> {
  if (name === "auto") return name; // of a run that was imported
  const options = threads === undefined ? {} : { threads };
  const { available = false, detail = "it is not installed" } =
    (await engines.find((engine) => engine.name === name)?.probe(options)) ?? {};
  if (available) return name;
  const { yellow } = colorsFor(process.stderr);
  process.stderr.write(
    `${yellow("warning")} the run was trained on the ${name} engine (${detail}); another one is used\n`,
  );
  return "auto";
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
  if (flags.data === undefined && description.origin !== undefined) {
    throw new UserError(
      "@latentkit/cli",
      "this run was imported and has no data of its own; give --data, e.g. text:FILE",
    );
  }
  const given = parseAssignments("--data-set", flags.dataSet);
  const base =
    flags.data === undefined || flags.data.replace(/:(train|test|valid)$/, "") === data.name ? data.options : {};
  const { source, split: splitName = "test" } = findData(app, flags.data ?? data.name, { ...base, ...given });
  const dataset = await source.load(description.train.seed);
  checkSameKind(dataset, session.model, run.dataset);
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
