import { importRun } from "@latentkit/core/node";
import { Command } from "commander";
import { createApp } from "../../app.js";
import { printResult } from "../../output.js";

interface ImportFlags {
  readonly out: string;
  readonly format?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function create(): Command {
  return new Command()
    .description("Makes a run of a model that another library saved: sample, evaluate and export it like any other.")
    .argument("<folder>", "the folder that holds the model's files")
    .requiredOption("--out <folder>", "the run to make")
    .option("--format <name>", "what the folder is, when its files do not tell")
    .option("--overwrite", "delete a run that is there already")
    .option("--json", "print the result as one JSON object")
    .action((folder: string, flags: ImportFlags) => run(folder, flags));
}

async function run(folder: string, { out, format: name, overwrite, json }: ImportFlags): Promise<void> {
  const { models } = await createApp();
  const command = `latentkit import ${folder} --out ${out}`;
  const { plugin, format } = await importRun({ folder, plugins: models, out, format: name, overwrite, command });
  const result = { folder, out, format: format.name, model: plugin.name };
  printResult(json === true, result, [`${folder} (${format.name}) is the ${plugin.name} run ${out}`]);
}
