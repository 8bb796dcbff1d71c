import { Command } from "commander";
import { addDataFlags, addRunFlags, type DataFlags, loadData, type RunFlags, withRun } from "../../open.js";
import { counted, printResult } from "../../output.js";
import { checkEnding, writeOutput } from "../../tensor-file.js";

interface EncodeFlags extends RunFlags, DataFlags {
  readonly out: string;
}

export function create(): Command {
  return addDataFlags(addRunFlags(new Command()))
    .description("Writes the latents of a data set: .npy, .csv, .json, or .npz with the labels beside them.")
    .requiredOption("--out <file>", "the file to write")
    .action((path: string, flags: EncodeFlags) => encode(path, flags));
}

async function encode(path: string, flags: EncodeFlags): Promise<void> {
  checkEnding(flags.out, []);
  await withRun(path, flags, async (open) => {
    const { split, name } = await loadData(open, flags);
    const z = await open.run.session.encode(split, { seed: flags.seed ?? 0 });
    const { label } = split.fields.label ? split.gather(Array.from({ length: split.size }, (_, i) => i)) : {};
    const columns = z.shape.length === 2 ? Array.from({ length: z.shape[1] as number }, (_, i) => `z${i}`) : undefined;
    await writeOutput(flags.out, { x: z, columns, ...(label ? { more: { label } } : {}) });
    const [n = 0] = z.shape;
    printResult(flags.json === true, { run: path, data: name, out: flags.out, n, shape: z.shape }, [
      `${counted(n, "latent")} of ${name} in ${flags.out}`,
    ]);
  });
}
