import {
  type CheckpointChoice,
  type Engine,
  type EngineOptions,
  parseCheckpointChoice,
  parseOptions,
  trainConfigSchema,
} from "@latentkit/core";
import {
  dataNoun,
  formatSeconds,
  openRunFolder,
  readDescription,
  type TrainedRun,
  type TrainRunRequest,
  trainRun,
} from "@latentkit/core/node";
import { Command } from "commander";
import { type App, createApp, createEngine, findData, findModel } from "../../app.js";
import { readConfigFile, repeatedOptions } from "../../config-file.js";
import { InterruptedError, UsageError } from "../../errors.js";
import {
  addAssignments,
  addSchemaFlags,
  flagName,
  givenFlags,
  mergeOptions,
  parseAssignments,
  parseValue,
} from "../../flags.js";
import { onInterrupt } from "../../interrupt.js";
import { addEngineFlags, type EngineFlags, engineOfRun, engineOptions } from "../../open.js";
import { evaluationLine, metricLines, metricNames, metricsJson, printResult } from "../../output.js";
import { ProgressBar } from "../../progress.js";
import { colorsFor } from "../../terminal.js";
import { commandLine } from "./command-line.js";

const { optimizer, ...TRAIN_OPTIONS } = trainConfigSchema.shape;
const TRAIN_NAMES = Object.keys(TRAIN_OPTIONS);
const optimizerSchema = optimizer.unwrap();
const OPTIMIZER_NAMES = Object.keys(optimizerSchema.shape).filter((name) => name !== "name");
/** Options that may change when a run goes on: they leave what it computes as it is. */
const RESUMABLE = [
  "steps",
  "epochs",
  "minutes",
  "logEvery",
  "evaluateEvery",
  "evaluateLimit",
  "checkpointEvery",
  "maxSkipped",
];

interface TrainFlags extends EngineFlags {
  readonly data?: string;
  readonly dataSet?: readonly string[];
  readonly set?: readonly string[];
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly resume?: string;
  readonly checkpoint?: string;
  readonly config?: string;
  readonly optimizer?: unknown;
  readonly metrics?: string;
  readonly json?: boolean;
  readonly [name: string]: unknown;
}

export function create(args: readonly string[]): Command {
  const command = new Command()
    .description("Trains a model into a run folder: configuration, logs, checkpoints, samples and a report.")
    .argument("[model]", "a model of `latentkit list models`")
    .option("--data <name>", "NAME[:ARGUMENT], see `latentkit list datasets`")
    .option("--out <folder>", "the run folder to make")
    .option("--overwrite", "delete the run that is in --out")
    .option("--resume <run>", "continue a run; --steps may be raised")
    .option("--checkpoint <which>", "resume from a step, latest or best (default: latest)")
    .option("--config <file>", "read model, data, train … from YAML, JSON or TypeScript; flags win")
    .option("--metrics <names>", "measure these at the end too, for the report: see `latentkit list metrics`")
    .option("--json", "print the result as one JSON object");
  addAssignments(command, "--set", "an option of the model");
  addAssignments(command, "--data-set", "an option of the data set");
  addEngineFlags(command);
  addSchemaFlags(command, trainConfigSchema, ["optimizer"]);
  command.option("--optimizer <name>", "update rule: adam, adamw, sgd, lion, muon (default: adam)", parseValue);
  addSchemaFlags(command, optimizerSchema, ["name"]);
  return command.action((model: string | undefined, flags: TrainFlags) => train(model, flags, args));
}

type Plan = Pick<
  TrainRunRequest,
  "model" | "data" | "config" | "out" | "overwrite" | "resume" | "command" | "metrics"
> & {
  readonly engine: string;
  readonly engineOptions: EngineOptions;
};

async function train(model: string | undefined, flags: TrainFlags, args: readonly string[]): Promise<void> {
  const app = await createApp();
  const plan =
    flags.resume === undefined
      ? await freshPlan(app, model, flags, args)
      : await resumePlan(app, model, flags, flags.resume);
  const engine = await createEngine(app, plan.engine, plan.engineOptions);
  try {
    const run = await trainWithProgress(app, { ...plan, metrics: metricNames(flags.metrics) }, engine);
    if (run.result.interrupted) throw new InterruptedError(resumeAdvice(run));
    report(run, flags.json === true);
  } finally {
    await engine.dispose();
  }
}

async function trainWithProgress(
  app: App,
  { engine: _name, engineOptions: _options, ...plan }: Plan,
  engine: Engine,
): Promise<TrainedRun> {
  const bar = new ProgressBar();
  const { yellow, dim } = colorsFor(process.stderr);
  const interrupt = onInterrupt(() =>
    bar.note(yellow("stopping: the run is being saved (once more to leave at once)")),
  );
  let done = false;
  const data = {
    ...plan.data,
    load: async (seed: number) => {
      const dataset = await plan.data.load(seed);
      bar.dataNoun = dataNoun(dataset.datum);
      return dataset;
    },
  };
  try {
    const run = await trainRun({
      ...plan,
      data,
      engine,
      signal: interrupt.signal,
      evaluator: app.evaluator,
      sinks: app.sinks,
      versions: app.versions,
      onProgress: (progress) => bar.update(progress),
      onEvaluationProgress: (progress) => bar.evaluating(progress),
      onStage: (stage) => bar.stage(stage),
      onWarning: (warning) => bar.note(`${yellow("warning")} ${warning}`),
      onEvaluate: (step, results) => {
        if (Object.keys(results).length > 0) bar.note(dim(evaluationLine(step, results)));
        bar.remark("drawing samples");
      },
    });
    done = true;
    return run;
  } finally {
    bar.stop({ keep: done });
    interrupt.dispose();
  }
}

/** A new run, from flags over the configuration file. */
async function freshPlan(
  app: App,
  modelName: string | undefined,
  flags: TrainFlags,
  args: readonly string[],
): Promise<Plan> {
  if (flags.checkpoint !== undefined) throw new UsageError("--checkpoint needs --resume; leave it out for a new run");
  const file = flags.config === undefined ? { train: {}, options: {} } : await readConfigFile(flags.config);
  const name = modelName ?? file.model?.name;
  const data = flags.data ?? file.data?.name;
  const out = flags.out ?? file.out;
  if (name === undefined)
    throw new UsageError(
      "which model? write latentkit train MODEL --data NAME --out FOLDER; latentkit list models shows them",
    );
  const plugin = findModel(app, name);
  if (data === undefined) throw new UsageError("--data is missing; latentkit list datasets shows what there is");
  if (out === undefined) throw new UsageError("--out is missing; give the folder of the new run");
  const sameModel = file.model?.name === name ? file.model.config : {};
  const sameData = file.data?.name === data ? file.data.options : {};
  const { source, split } = findData(app, data, mergeOptions(sameData, parseAssignments("--data-set", flags.dataSet)));
  if (split !== undefined)
    throw new UsageError(`--data ${data} names a split; training uses train and test, write ${source.name}`);
  const train = mergeOptions(file.train, trainFlags(flags));
  parseOptions("@latentkit/core", trainConfigSchema, train);
  return {
    model: { plugin, config: mergeOptions(sameModel, parseAssignments("--set", flags.set)) },
    data: source,
    config: train,
    out,
    overwrite: flags.overwrite,
    engine: flags.engine ?? file.engine ?? "auto",
    engineOptions: engineOptions({ ...file.options, ...engineOptions(flags) }),
    command: commandLine("train", args),
  };
}

/** Training options given as flags; those of the optimizer as the nested option they are. */
function trainFlags(flags: TrainFlags): Record<string, unknown> {
  const name = flags.optimizer === undefined ? {} : { name: flags.optimizer };
  const nested = { ...name, ...givenFlags(flags, OPTIMIZER_NAMES) };
  return { ...givenFlags(flags, TRAIN_NAMES), ...(Object.keys(nested).length > 0 ? { optimizer: nested } : {}) };
}

/** The rest of a run that was stopped, or more of one that ended. */
async function resumePlan(app: App, modelName: string | undefined, flags: TrainFlags, path: string): Promise<Plan> {
  refuseChanges(modelName, flags);
  const description = readDescription(await openRunFolder(path));
  const { model, data, engine } = description;
  const { source } = findData(app, data.name, data.options);
  const changed = givenFlags(flags, RESUMABLE);
  const base: Record<string, unknown> = { ...description.train };
  if ("epochs" in changed && !("steps" in changed)) delete base.steps;
  return {
    model: { plugin: findModel(app, model.name), config: model.config },
    data: source,
    config: { ...base, ...changed },
    out: path,
    resume: checkpointChoice(flags),
    engine: flags.engine ?? (await engineOfRun(app, engine.name, flags.threads)),
    engineOptions: { ...repeatedOptions(engine.details), ...engineOptions(flags) },
    ...(description.command === undefined ? {} : { command: description.command }),
  };
}

function checkpointChoice({ checkpoint }: TrainFlags): CheckpointChoice {
  return checkpoint === undefined ? "latest" : parseCheckpointChoice(checkpoint);
}

/** A resumed run has its model, data and options already. */
function refuseChanges(modelName: string | undefined, flags: TrainFlags): void {
  if (modelName !== undefined) throw new UsageError(`--resume continues the run's own model; leave "${modelName}" out`);
  const fixed = [
    "data",
    "dataSet",
    "set",
    "out",
    "overwrite",
    "config",
    "optimizer",
    ...TRAIN_NAMES,
    ...OPTIMIZER_NAMES,
  ];
  const wrong = fixed.find((name) => flags[name] !== undefined && !RESUMABLE.includes(name));
  if (wrong === undefined) return;
  const allowed = RESUMABLE.map((name) => `--${flagName(name)}`).join(", ");
  throw new UsageError(
    `--${flagName(wrong)} cannot be given with --resume; it may change ${allowed}, --engine, --threads, --device, --precision and --lowering`,
  );
}

function resumeAdvice({ folder: { path }, result: { step, steps, outOfTime } }: TrainedRun): string {
  const resume = `latentkit train --resume ${path}`;
  if (step < steps && !outOfTime) return `saved at step ${step} of ${steps}; continue with: ${resume}`;
  return `saved at step ${step} of ${steps}, trained to the end, not yet measured; measure it and draw the report with: ${resume}`;
}

function report({ folder, result, report }: TrainedRun, json: boolean): void {
  const { step, steps, trainSeconds, metrics, interrupted, outOfTime } = result;
  const { bold } = colorsFor(process.stdout);
  const value = {
    run: folder.path,
    step,
    steps,
    interrupted,
    trainSeconds,
    metrics: metricsJson(metrics),
    report: report?.file,
    figures: report?.figures,
  };
  const lines = [
    ...metricLines(metrics).map((line) => `test ${line}`),
    `${step.toLocaleString("en")} updates, ${formatSeconds(trainSeconds)} of training${outOfTime ? `; out of time before update ${steps}` : ""}`,
    `report ${bold(folder.reportFile)}`,
  ];
  printResult(json, value, lines);
}
