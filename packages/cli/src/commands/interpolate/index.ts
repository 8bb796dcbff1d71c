import { sizeOf, UserError } from "@latentkit/core";
import {
  dataKind,
  defaultMethod,
  drawWays,
  type InterpolationMethod,
  interpolate,
  interpolateDrawn,
  variedPairs,
} from "@latentkit/core/node";
import { Command, Option } from "commander";
import { UsageError } from "../../errors.js";
import { wholeNumber } from "../../flags.js";
import {
  addDataFlags,
  addRunFlags,
  type DataFlags,
  type LoadedData,
  loadData,
  type OpenRun,
  type RunFlags,
  withRun,
} from "../../open.js";
import { counted, printResult } from "../../output.js";
import { checkEnding, inRawUnits, writeOutput } from "../../tensor-file.js";

interface InterpolateFlags extends RunFlags, DataFlags {
  readonly from?: number;
  readonly to?: number;
  readonly pairs: number;
  readonly steps: number;
  readonly method?: InterpolationMethod;
  readonly out?: string;
}

export function create(): Command {
  const number = (flag: string, smallest: number, name: string, text: string) =>
    new Option(`${flag} <${name}>`, text).argParser(wholeNumber(flag, smallest));
  return addDataFlags(addRunFlags(new Command()))
    .description(
      "Walks through latent space between examples of a data set, or between drawn latents when the model cannot encode, and decodes every step.",
    )
    .addOption(number("--from", 0, "i", "number of the first example"))
    .addOption(number("--to", 0, "i", "number of the last example"))
    .addOption(number("--pairs", 1, "count", "ways, when --from and --to are not given").default(5))
    .addOption(number("--steps", 2, "count", "points of a way, both ends included").default(12))
    .addOption(
      new Option("--method <name>", "slerp or lerp (default: slerp above 3 dimensions)").choices(["slerp", "lerp"]),
    )
    .option("--out <file>", "the file to write (default: interpolation with the ending that suits the data)")
    .action((path: string, flags: InterpolateFlags) => run(path, flags));
}

async function run(path: string, flags: InterpolateFlags): Promise<void> {
  if ((flags.from === undefined) !== (flags.to === undefined))
    throw new UsageError("--from and --to belong together; give both or none");
  await withRun(path, flags, async (open) => {
    const { session, dataset: about } = open.run;
    const drawing = dataKind(about.datum) === "images" ? ".png" : ".svg";
    const out = flags.out ?? `interpolation${drawing}`;
    checkEnding(out, [drawing]);
    if (session.latentSpace?.canEncode === false) return betweenDraws(path, flags, open, out);
    const data = await loadData(open, flags);
    const { dataset, split } = data;
    const seed = flags.seed ?? 0;
    const pairs = choosePairs(data, flags);
    const z = await session.encode(split, { seed, limit: Math.max(...pairs.flat()) + 1 });
    const method = flags.method ?? defaultMethod(z.data.length / (z.shape[0] as number));
    const x = await interpolate({ session, dataset, split, z, seed }, pairs, flags.steps, method);
    await writeOutput(out, {
      x: inRawUnits(x, dataset),
      columns: dataset.columns,
      draw: () => drawWays(x, dataset, flags.steps),
    });
    const value = { run: path, data: data.name, out, pairs, steps: flags.steps, method };
    printResult(flags.json === true, value, [
      `${counted(pairs.length, "way")} of ${flags.steps} steps (${method}) in ${out}`,
    ]);
  });
}

/** Ways between latents drawn from the prior: no data are needed, and none can be named. */
async function betweenDraws(path: string, flags: InterpolateFlags, open: OpenRun, out: string): Promise<void> {
  const named = flags.data ?? flags.from;
  if (named !== undefined)
    throw new UsageError(
      "this model cannot encode data: leave out --data, --from and --to; --seed draws other latents",
    );
  const { session, dataset } = open.run;
  const seed = flags.seed ?? 0;
  const method = flags.method ?? defaultMethod(sizeOf(session.latentSpace?.shape ?? []));
  const x = await interpolateDrawn({ session, dataset, seed }, flags.pairs, flags.steps, method);
  await writeOutput(out, {
    x: inRawUnits(x, dataset),
    columns: dataset.columns,
    draw: () => drawWays(x, dataset, flags.steps),
  });
  const value = { run: path, out, pairs: flags.pairs, steps: flags.steps, method, seed };
  printResult(flags.json === true, value, [
    `${counted(flags.pairs, "way")} of ${flags.steps} steps (${method}) between latents drawn with seed ${seed}, in ${out}`,
  ]);
}

function choosePairs({ split, name }: LoadedData, { from, to, pairs }: InterpolateFlags): [number, number][] {
  if (from === undefined || to === undefined) return variedPairs(split, split.size, pairs);
  const outside = [from, to].find((i) => i >= split.size);
  if (outside === undefined) return [[from, to]];
  throw new UserError("@latentkit/cli", `example ${outside} does not exist: ${name} has ${split.size}, counted from 0`);
}
