import { type ModelPlugin, parseOptions, type SampleOptions } from "@latentkit/core";
import { dataKind, drawData, openRunFolder, readDescription } from "@latentkit/core/node";
import { Command, Option } from "commander";
import { createApp, findModel } from "../../app.js";
import { UsageError } from "../../errors.js";
import { addAssignments, addSchemaFlags, givenFlags, parseAssignments, wholeNumber } from "../../flags.js";
import { addRunFlags, type RunFlags, withRun } from "../../open.js";
import { printResult } from "../../output.js";
import { checkEnding, inRawUnits, writeOutput } from "../../tensor-file.js";

interface SampleFlags extends RunFlags {
  readonly n: number;
  readonly seed: number;
  readonly label?: readonly number[];
  readonly set?: readonly string[];
  readonly out?: string;
  readonly [name: string]: unknown;
}

const DRAWING = { images: ".png", points: ".svg", vectors: ".svg", tokens: ".txt" } as const;
const OWN_FLAGS = [
  "n",
  "seed",
  "label",
  "set",
  "out",
  "checkpoint",
  "engine",
  "threads",
  "device",
  "precision",
  "lowering",
  "json",
  "help",
  "debug",
];

/** The model's own sampling options become flags, so the run is looked up before the flags are read. */
export async function create(args: readonly string[]): Promise<Command> {
  const plugin = await pluginOf(args);
  const command = addRunFlags(new Command())
    .description(
      "Generates data from a run, as a picture (.png, .svg, .txt), as sound (.wav) or as numbers (.npy, .npz, .csv, .json).",
    )
    .addOption(new Option("-n <count>", "number of samples").argParser(wholeNumber("-n", 1)).default(64))
    .addOption(new Option("--seed <n>", "same seed, same samples").argParser(wholeNumber("--seed")).default(0))
    .option("--label <classes>", "a class, or one for each sample: 3 or 0,1,2", parseLabels)
    .option("--out <file>", "the file to write (default: samples with the ending that suits the data)");
  addAssignments(command, "--set", "a sampling option of the model");
  if (plugin !== undefined) addSchemaFlags(command, plugin.sampleOptions, OWN_FLAGS);
  return command.action((path: string, flags: SampleFlags) => sample(path, flags));
}

/** The model of the first argument that is a run; what is wrong with a run is told later. */
async function pluginOf(args: readonly string[]): Promise<ModelPlugin | undefined> {
  const app = await createApp();
  for (const arg of args.filter((text) => !text.startsWith("-"))) {
    try {
      return findModel(app, readDescription(await openRunFolder(arg)).model.name);
    } catch {
      // not a run: the value of a flag, or a mistake that opening it will explain
    }
  }
  return undefined;
}

async function sample(path: string, flags: SampleFlags): Promise<void> {
  await withRun(path, flags, async ({ app, run }) => {
    const { session, dataset, description } = run;
    const drawing = DRAWING[dataKind(dataset.datum)];
    const out = flags.out ?? `samples${drawing}`;
    checkEnding(out, dataset.sampleRate === undefined ? [drawing] : [drawing, ".wav"]);
    const plugin = findModel(app, description.model.name);
    const options = {
      ...givenFlags(
        flags,
        Object.keys(plugin.sampleOptions.shape).filter((name) => !OWN_FLAGS.includes(name)),
      ),
      ...parseAssignments("--set", flags.set),
    };
    parseOptions(plugin.name, plugin.sampleOptions, options);
    const x = await session.sample({ n: flags.n, seed: flags.seed, options, ...labels(flags) });
    await writeOutput(out, {
      x: inRawUnits(x, dataset),
      columns: dataset.columns,
      sampleRate: dataset.sampleRate,
      draw: () => drawData(x, dataset),
    });
    printResult(flags.json === true, { run: path, out, n: flags.n, shape: x.shape }, [`${flags.n} samples in ${out}`]);
  });
}

function labels({ label }: SampleFlags): Pick<SampleOptions, "label"> {
  if (label === undefined) return {};
  return { label: label.length === 1 ? (label[0] as number) : label };
}

function parseLabels(text: string): number[] {
  const values = text.split(",").map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : Number.NaN));
  if (values.every(Number.isSafeInteger)) return values;
  throw new UsageError(`--label must be class numbers like 3 or 0,1,2, got "${text}"`);
}
