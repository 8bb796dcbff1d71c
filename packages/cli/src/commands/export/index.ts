import { parseCheckpointChoice } from "@latentkit/core";
import { exportRun } from "@latentkit/core/node";
import { Command } from "commander";
import { createApp } from "../../app.js";
import { printResult } from "../../output.js";

interface ExportFlags {
  readonly out: string;
  readonly format?: string;
  readonly checkpoint?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function create(): Command {
  return new Command()
    .description("Writes a run's model as a folder that another library reads.")
    .argument("<run>", "the folder of a run")
    .requiredOption("--out <folder>", "the folder to make")
    .option("--format <name>", "which library's (default: the one it came from, or the only one)")
    .option("--checkpoint <which>", "a step, latest or best (default: latest)")
    .option("--overwrite", "write into a folder that holds files")
    .option("--json", "print the result as one JSON object")
    .action((path: string, flags: ExportFlags) => run(path, flags));
}

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
}
