import { parseCheckpointChoice } from "@latentkit/core";
import { exportRun } from "@latentkit/core/node";
import { Command } from "commander";
<<<<<<< HEAD
import { createApp } from "../../app.js";
=======
import { createApp, findModel } from "../../app.js";
>>>>>>> ar-text
import { printResult } from "../../output.js";

interface ExportFlags {
  readonly out: string;
  readonly format?: string;
  readonly checkpoint?: string;
<<<<<<< HEAD
  readonly overwrite?: boolean;
=======
>>>>>>> ar-text
  readonly json?: boolean;
}

export function create(): Command {
  return new Command()
<<<<<<< HEAD
    .description("Writes a run's model as a folder that another library reads.")
    .argument("<run>", "the folder of a run")
    .requiredOption("--out <folder>", "the folder to make")
    .option("--format <name>", "which library's (default: the one it came from, or the only one)")
    .option("--checkpoint <which>", "a step, latest or best (default: latest)")
    .option("--overwrite", "write into a folder that holds files")
=======
    .description("Writes a run's model as a folder that another program reads, e.g. GPT-2 for Hugging Face.")
    .argument("<run>", "the folder of a run")
    .requiredOption("--out <folder>", "the folder to make")
    .option("--format <name>", "what to write (default: the first that the model has), e.g. huggingface-gpt2")
    .option("--checkpoint <which>", "a step, latest or best (default: latest)")
>>>>>>> ar-text
    .option("--json", "print the result as one JSON object")
    .action((path: string, flags: ExportFlags) => run(path, flags));
}

<<<<<<< HEAD
async function run(path: string, { out, format: name, checkpoint, overwrite, json }: ExportFlags): Promise<void> {
  const { models } = await createApp();
  const { format, files } = await exportRun({
    run: path,
    plugins: models,
    out,
    format: name,
    overwrite,
    ...(checkpoint === undefined ? {} : { checkpoint: parseCheckpointChoice(checkpoint) }),
  });
  printResult(json === true, { run: path, out, format: format.name, files }, [
    `${out} is a ${format.name} folder: ${files.join(", ")}`,
  ]);
=======
async function run(path: string, { json, checkpoint, ...flags }: ExportFlags): Promise<void> {
  const app = await createApp();
  const { format, files } = await exportRun(path, {
    ...flags,
    findModel: (name) => findModel(app, name),
    ...(checkpoint === undefined ? {} : { checkpoint: parseCheckpointChoice(checkpoint) }),
  });
  const value = { run: path, out: flags.out, format: format.name, files };
  printResult(json === true, value, [`${format.summary}`, `${files.join(", ")} in ${flags.out}`]);
>>>>>>> ar-text
}
