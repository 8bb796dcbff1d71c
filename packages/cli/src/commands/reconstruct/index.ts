import { dataKind, drawPairs, reconstruct, variedExamples } from "@latentkit/core/node";
import { Command, Option } from "commander";
import { wholeNumber } from "../../flags.js";
import { addDataFlags, addRunFlags, type DataFlags, loadData, type RunFlags, withRun } from "../../open.js";
import { counted, printResult } from "../../output.js";
import { checkEnding, inRawUnits, writeOutput } from "../../tensor-file.js";

interface ReconstructFlags extends RunFlags, DataFlags {
  readonly n: number;
  readonly out?: string;
}

export function create(): Command {
  return addDataFlags(addRunFlags(new Command()))
    .description("Encodes and decodes examples: a picture with originals first, or the reconstructions as numbers.")
    .addOption(new Option("-n <count>", "number of examples").argParser(wholeNumber("-n", 1)).default(20))
    .option("--out <file>", "the file to write (default: reconstructions with the ending that suits the data)")
    .action((path: string, flags: ReconstructFlags) => run(path, flags));
}

async function run(path: string, flags: ReconstructFlags): Promise<void> {
  await withRun(path, flags, async (open) => {
    const { session, dataset: about } = open.run;
    const drawing = dataKind(about.datum) === "images" ? ".png" : dataKind(about.datum) === "tokens" ? ".txt" : ".svg";
    const out = flags.out ?? `reconstructions${drawing}`;
    checkEnding(out, [drawing]);
    const { dataset, split, name } = await loadData(open, flags);
    const seed = flags.seed ?? 0;
    const indices = variedExamples(split, split.size, flags.n);
    const z = await session.encode(split, { seed, limit: Math.max(...indices) + 1 });
    const { original, reconstruction } = await reconstruct({ session, dataset, split, z, seed }, indices);
    await writeOutput(out, {
      x: inRawUnits(reconstruction, dataset),
      more: { original: inRawUnits(original, dataset) },
      columns: dataset.columns,
      draw: () => drawPairs(original, reconstruction, dataset),
    });
    const n = indices.length;
    printResult(flags.json === true, { run: path, data: name, out, n, indices }, [
      `${counted(n, "reconstruction")} of ${name} in ${out}`,
    ]);
  });
}
