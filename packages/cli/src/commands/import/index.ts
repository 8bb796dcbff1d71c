<<<<<<< HEAD
=======
import { sizeOf } from "@latentkit/core";
>>>>>>> ar-text
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
<<<<<<< HEAD
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
=======
    .description(
      "Makes a run of a model that another program keeps in a folder, e.g. GPT-2 from Hugging Face: sample, score and export it like any other.",
    )
    .argument("<folder>", "the folder with the model")
    .requiredOption("--out <folder>", "the run folder to make")
    .option("--format <name>", "what the folder is (default: found by looking), e.g. huggingface-gpt2")
    .option("--overwrite", "delete the run that is in --out")
    .option("--json", "print the result as one JSON object")
    .action((path: string, flags: ImportFlags) => run(path, flags));
}

async function run(path: string, { json, ...flags }: ImportFlags): Promise<void> {
  const { models } = await createApp();
  const { folder, format, imported } = await importRun(path, { ...flags, models });
  const parameters = [...imported.tensors]
    .filter(([name]) => name.startsWith("params."))
    .reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
  const value = { run: folder.path, format: format.name, parameters };
  printResult(json === true, value, [
    `${format.summary}`,
    `${parameters.toLocaleString("en")} parameters in ${folder.path}`,
  ]);
>>>>>>> ar-text
}
