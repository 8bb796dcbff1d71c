import { type ConfiguredModel, type DatasetSource, parseOptions, UserError } from "@latentkit/core";
import {
  type Comparison,
  type ComparisonRequest,
  compareModels,
  dataNoun,
  formatSeconds,
  type ModelResult,
} from "@latentkit/core/node";
import { Command, Option } from "commander";
import { type App, createApp, createEngine, findData, findModel } from "../../app.js";
import { InterruptedError, UsageError } from "../../errors.js";
import { addAssignments, parseAssignments, wholeNumber } from "../../flags.js";
import { onInterrupt } from "../../interrupt.js";
import { addEngineFlags, type EngineFlags, engineOptions } from "../../open.js";
import { metricsJson, printResult } from "../../output.js";
import { ProgressBar } from "../../progress.js";
import { colorsFor } from "../../terminal.js";
import { commandLine } from "../train/command-line.js";
import { parseBudget } from "./budget.js";
import { type StoredPlan, storedPlan } from "./stored-plan.js";
import { compareInWorker, type WorkerListener } from "./worker.js";

/** What `latentkit compare` is told. */
interface CompareFlags extends EngineFlags {
  readonly data?: string;
  readonly dataSet?: readonly string[];
  readonly models?: string;
  readonly set?: readonly string[];
  readonly budget?: number;
  readonly samples?: number;
  readonly seed?: number;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly resume?: string;
  readonly json?: boolean;
}

const DEFAULT_MINUTES = 10;
/** Enough for a Fréchet distance of 64 features, few enough for models that sample step by step. */
const DEFAULT_SAMPLES = 1000;

export function create(args: readonly string[]): Command {
  const command = new Command()
    .description(
      "Trains several models on the same data for the same time, grades all alike, and writes one report. A model that fails does not take the others down.",
    )
    .option("--data <name>", "NAME[:ARGUMENT], see `latentkit list datasets`")
    .option("--models <names>", "comma-separated models of `latentkit list models` (default: all)")
    .addOption(
      new Option("--budget <time>", "training time of each model: 30s, 10m, 1h (default: 10m)").argParser(parseBudget),
    )
    .addOption(
      new Option("--samples <n>", "samples behind each grade (default: 1000)").argParser(wholeNumber("--samples", 2)),
    )
    .addOption(new Option("--seed <n>", "seed of all models (default: 0)").argParser(wholeNumber("--seed")))
    .option("--out <folder>", "the folder to make: report.html, figures, and a run folder a model")
    .option("--overwrite", "delete the comparison that is in --out")
    .option("--resume <folder>", "continue a comparison that was stopped or killed")
    .option("--json", "print the result as one JSON object");
  addAssignments(command, "--set", "an option of one model: vae.latentDim=10");
  addAssignments(command, "--data-set", "an option of the data set");
  addEngineFlags(command);
  return command.action((flags: CompareFlags) => compare(flags, args));
}

type Plan = StoredPlan & Pick<ComparisonRequest, "overwrite" | "resume">;

async function compare(flags: CompareFlags, args: readonly string[]): Promise<void> {
  const app = await createApp();
  const plan = flags.resume === undefined ? freshPlan(app, flags, args) : await resumedPlan(app, flags, flags.resume);
  const comparison = await withProgress(app, plan, flags);
  if (comparison.interrupted)
    throw new InterruptedError(`saved; continue with: latentkit compare --resume ${plan.out}`);
  report(plan, comparison, flags.json === true);
}

function freshPlan(app: App, flags: CompareFlags, args: readonly string[]): Plan {
  const { data, out } = flags;
  if (data === undefined) throw new UsageError("--data is missing; latentkit list datasets shows what there is");
  if (out === undefined) throw new UsageError("--out is missing; give the folder of the comparison");
  const { source, split } = findData(app, data, parseAssignments("--data-set", flags.dataSet));
  if (split !== undefined)
    throw new UsageError(`--data ${data} names a split; training uses train and test, write ${source.name}`);
  const { budget: minutes = DEFAULT_MINUTES, samples = DEFAULT_SAMPLES, seed = 0, overwrite = false } = flags;
  const models = chosenModels(app, flags);
  return { models, data: source, minutes, samples, seed, out, overwrite, command: commandLine("compare", args) };
}

/** Models by name with their own options, checked before anything is trained. */
function chosenModels(app: App, { models, set }: CompareFlags): ConfiguredModel[] {
  const names = models?.split(",").map((name) => name.trim()) ?? app.models.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`--models names ${twice} twice; name each model once`);
  const options = parseAssignments("--set", set);
  const foreign = Object.keys(options).find((name) => !names.includes(name));
  if (foreign !== undefined)
    throw new UsageError(
      `--set ${foreign}…: begin with one of the models compared, such as --set ${names[0]}.OPTION=VALUE`,
    );
  return names.map((name) => {
    const plugin = findModel(app, name);
    const config = optionsOf(name, options[name]);
    parseOptions(name, plugin.config, config);
    return { plugin, config };
  });
}

function optionsOf(name: string, value: unknown): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError(`--set ${name}=… names no option; write --set ${name}.OPTION=VALUE`);
}

async function resumedPlan(app: App, flags: CompareFlags, out: string): Promise<Plan> {
  const fixed = ["data", "dataSet", "models", "set", "budget", "samples", "seed", "out", "overwrite"] as const;
  const wrong = fixed.find((name) => flags[name] !== undefined);
  if (wrong !== undefined)
    throw new UsageError(
      `--${wrong === "dataSet" ? "data-set" : wrong} cannot be given with --resume; it continues the comparison as it was begun`,
    );
  return { ...(await storedPlan(app, out)), resume: true };
}

async function withProgress(app: App, plan: Plan, flags: CompareFlags): Promise<Comparison> {
  let bar = new ProgressBar();
  let noun = "examples";
  const { yellow, dim, bold } = colorsFor(process.stderr);
  const interrupt = onInterrupt(() =>
    bar.note(yellow("stopping: the comparison is being saved (once more to leave at once)")),
  );
  const data: DatasetSource = {
    ...plan.data,
    load: async (seed) => {
      const dataset = await plan.data.load(seed);
      noun = dataNoun(dataset.datum);
      return dataset;
    },
  };
  let current: string | undefined;
  const news: WorkerListener = {
    onProgress: (model, progress) => {
      if (model !== current) {
        bar.stop(); // its smoothed values are those of another model
        bar = new ProgressBar(process.stderr, noun);
        bar.note(bold(`training ${model}`));
      }
      current = model;
      bar.update(progress);
    },
    onStage: (stage) => bar.stage(stage),
    onWarning: (warning) => bar.note(`${yellow("warning")} ${warning}`),
  };
  const { engine = "auto" } = flags;
  const task = { out: plan.out, engine, engineOptions: engineOptions(flags) };
  const { signal } = interrupt;
  try {
    return await compareModels({
      ...plan,
      data,
      evaluator: app.evaluator,
      versions: app.versions,
      createEngine: () => createEngine(app, engine, task.engineOptions),
      elsewhere: (model) => compareInWorker({ ...task, model }, news, signal),
      signal,
      ...news,
      onResult: (result) => bar.note(dim(resultLine(result))),
    });
  } finally {
    bar.stop();
    interrupt.dispose();
  }
}

/** `vae: done, 1,234 updates in 30 s`. */
function resultLine({ name, status, reason, grades }: ModelResult): string {
  if (grades === undefined) return `${name}: ${status}${reason === undefined ? "" : `: ${reason}`}`;
  const { steps, trainSeconds } = grades;
  return `${name}: ${steps.toLocaleString("en")} updates in ${formatSeconds(trainSeconds)}, graded`;
}

/** @throws UserError when no model was trained. */
function report({ out }: Plan, { results, reportFile }: Comparison, json: boolean): void {
  const models = Object.fromEntries(
    results.map(({ name, status, reason, moments, grades }) => {
      if (grades === undefined) return [name, { status, reason }];
      const { metrics, figures: _, ...facts } = grades;
      return [name, { status, ...facts, metrics: metricsJson(metrics), moments }];
    }),
  );
  const { bold } = colorsFor(process.stdout);
  printResult(json, { out, report: reportFile, models }, [...results.map(resultLine), `report ${bold(reportFile)}`]);
  if (results.every(({ status }) => status !== "done"))
    throw new UserError("@latentkit/cli", `none of the models could be compared; ${reportFile} says why`);
}
