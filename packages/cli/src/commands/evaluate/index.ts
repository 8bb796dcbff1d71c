import { type EvaluationProgress, parseOptions } from "@latentkit/core";
import { dataNoun } from "@latentkit/core/node";
import { Command, Option } from "commander";
import { findModel } from "../../app.js";
import { addAssignments, parseAssignments, wholeNumber } from "../../flags.js";
import { addDataFlags, addRunFlags, type DataFlags, loadData, type RunFlags, withRun } from "../../open.js";
import { metricLines, metricNames, metricsJson, printResult } from "../../output.js";
import { ProgressBar } from "../../progress.js";
import { colorsFor } from "../../terminal.js";

interface EvaluateFlags extends RunFlags, DataFlags {
  readonly metrics?: string;
  readonly limit?: number;
  readonly set?: readonly string[];
}

export function create(): Command {
  const command = addDataFlags(addRunFlags(new Command()));
  addAssignments(command, "--set", "a sampling option of the model, for what is measured of samples");
  return command
    .description("Measures a run on data it was not trained on; every number with its standard error.")
    .option(
      "--metrics <names>",
      "comma-separated metrics or groups, see `latentkit list metrics` (default: all that apply and are quick)",
    )
    .addOption(new Option("--limit <n>", "use the first n examples only").argParser(wholeNumber("--limit", 1)))
    .action((path: string, flags: EvaluateFlags) => run(path, flags));
}

async function run(path: string, flags: EvaluateFlags): Promise<void> {
  await withRun(path, flags, async (open) => {
    const { dataset, split, name } = await loadData(open, flags);
    const { session, checkpoint, description } = open.run;
    const sampling = parseAssignments("--set", flags.set);
    const plugin = findModel(open.app, description.model.name);
    parseOptions(plugin.name, plugin.sampleOptions, sampling);
    const context = {
      sampling,
      session,
      dataset,
      split,
      seed: flags.seed ?? 0,
      ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    };
    const bar = new ProgressBar();
    bar.dataNoun = dataNoun(dataset.datum);
    const watch = { onProgress: (progress: EvaluationProgress) => bar.evaluating(progress) };
    const metrics = await open.app.evaluator
      .evaluate(context, metricNames(flags.metrics), watch)
      .finally(() => bar.stop());
    const warnings = session.model.diagnose?.(metrics) ?? [];
    const value = { run: path, step: checkpoint.step, data: name, metrics: metricsJson(metrics), warnings };
    const { yellow } = colorsFor(process.stdout);
    printResult(flags.json === true, value, [
      ...metricLines(metrics),
      ...warnings.map((warning) => `${yellow("warning")} ${warning}`),
    ]);
  });
}
