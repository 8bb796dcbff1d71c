import { UserError } from "@latentkit/core";
import { bytesOf, formatEstimate, mapBesidePca, type PlaneMap, writeFileAtomic } from "@latentkit/core/node";
import { Command, Option } from "commander";
import { wholeNumber } from "../../flags.js";
import { addDataFlags, addRunFlags, type DataFlags, loadData, type RunFlags, withRun } from "../../open.js";
import { printResult } from "../../output.js";

interface MapFlags extends RunFlags, DataFlags {
  readonly limit: number;
  readonly out: string;
}

export function create(): Command {
  return addDataFlags(addRunFlags(new Command()))
    .description("Draws data in the plane of the model's latents, beside the plane of their principal components.")
    .addOption(
      new Option("--limit <n>", "use the first n examples").argParser(wholeNumber("--limit", 12)).default(2000),
    )
    .option("--out <file>", "the .svg file to write", "map.svg")
    .action((path: string, flags: MapFlags) => run(path, flags));
}

async function run(path: string, flags: MapFlags): Promise<void> {
  const { out, limit } = flags;
  if (!out.toLowerCase().endsWith(".svg")) throw new UserError("@latentkit/cli", `--out ${out} must end in .svg`);
  await withRun(path, flags, async (open) => {
    const { dataset, split, name } = await loadData(open, flags);
    const { session } = open.run;
    const { model, pca, drawing } = await mapBesidePca({ session, dataset, seed: flags.seed ?? 0 }, split, limit);
    await writeFileAtomic(out, bytesOf(drawing));
    const value = { run: path, data: name, out, n: model.points.length, model: facts(model), pca: facts(pca) };
    printResult(flags.json === true, value, [
      `${value.n} examples of ${name} in ${out}`,
      `model                 ${line(model)}`,
      `principal components  ${line(pca)}`,
    ]);
  });
}

const facts = ({ points: _, ...rest }: PlaneMap) => rest;

function line({ dimensions, explained, neighbours }: PlaneMap): string {
  const agreement = neighbours && `10 neighbours in the plane name the class of ${formatEstimate(neighbours)}`;
  return [`${dimensions} dimensions, ${(100 * explained).toFixed(0)} % of their variance`, agreement]
    .filter((text) => text !== undefined)
    .join("; ");
}
