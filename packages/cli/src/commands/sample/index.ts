import {
  type GenerativeModel,
  type HostTensor,
  type ModelPlugin,
  parseOptions,
  type SampleFrame,
  type SampleOptions,
} from "@latentkit/core";
import {
  checkFilm,
  dataKind,
  drawData,
  drawFilm,
  modelOfRun,
  type OpenedRun,
  writeFileAtomic,
} from "@latentkit/core/node";
import { readSampleInput } from "@latentkit/datasets";
import { Command, Option } from "commander";
import { createApp, findModel } from "../../app.js";
import { UsageError } from "../../errors.js";
import { addAssignments, addSchemaFlags, flagName, givenFlags, parseAssignments, wholeNumber } from "../../flags.js";
import { addRunFlags, type RunFlags, withRun } from "../../open.js";
import { printResult } from "../../output.js";
import { checkEnding, inRawUnits, writeOutput } from "../../tensor-file.js";

interface SampleFlags extends RunFlags {
  readonly n: number;
  readonly seed: number;
  readonly label?: readonly number[];
  readonly set?: readonly string[];
  readonly out?: string;
  readonly film?: string;
  readonly [name: string]: unknown;
}

const DRAWING = { images: ".png", points: ".svg", vectors: ".svg", tokens: ".txt" } as const;
/** Flags of every command, which no option of a model can be. */
const GLOBAL_FLAGS = ["help", "debug"];

/** The model's own sampling options become flags, so the run is looked up before the flags are read. */
export async function create(args: readonly string[]): Promise<Command> {
  const found = await modelOf(args);
  const command = addRunFlags(new Command())
    .description(
      "Generates data from a run, as a picture (.png, .svg, .txt), as sound (.wav) or as numbers (.npy, .npz, .csv, .json).",
    )
    .addOption(new Option("-n <count>", "number of samples").argParser(wholeNumber("-n", 1)).default(64))
    .addOption(new Option("--seed <n>", "same seed, same samples").argParser(wholeNumber("--seed")).default(0))
    .option("--label <classes>", "a class, or one for each sample: 3 or 0,1,2", parseLabels)
    .option("--out <file>", "the file to write (default: samples with the ending that suits the data)")
    .option(
      "--film <file>",
      "the way there, too: .apng plays it, .png is a strip of moments (.svg of points, .txt of text)",
    );
  addAssignments(command, "--set", "a sampling option of the model");
  const own = [...command.options.map((option) => option.attributeName()), ...GLOBAL_FLAGS];
  if (found !== undefined) {
    addSchemaFlags(command, found.plugin.sampleOptions, own);
    for (const [name, { summary }] of Object.entries(found.model.sampleInputs ?? {}))
      command.option(`--${flagName(name)} <file>`, `${summary} (a picture, or numbers as .npy)`);
  }
  return command.action((path: string, flags: SampleFlags) => sample(path, flags, own));
}

/** The model of the first argument that is a run; what is wrong with a run is told later. */
async function modelOf(args: readonly string[]): Promise<{ plugin: ModelPlugin; model: GenerativeModel } | undefined> {
  const app = await createApp();
  for (const arg of args.filter((text) => !text.startsWith("-"))) {
    try {
      return await modelOfRun(arg, (name) => findModel(app, name));
    } catch {
      // not a run: the value of a flag, or a mistake that opening it will explain
    }
  }
  return undefined;
}

/** @param own Flags that are the command's, whatever options the model has. */
async function sample(path: string, flags: SampleFlags, own: readonly string[]): Promise<void> {
  await withRun(path, flags, async ({ app, run }) => {
    const { session, dataset, description } = run;
    const drawing = DRAWING[dataKind(dataset.datum)];
    const out = flags.out ?? `samples${drawing}`;
    checkEnding(out, dataset.sampleRate === undefined ? [drawing] : [drawing, ".wav"]);
    const plugin = findModel(app, description.model.name);
    const options = {
      ...givenFlags(
        flags,
        Object.keys(plugin.sampleOptions.shape).filter((name) => !own.includes(name)),
      ),
      ...parseAssignments("--set", flags.set),
    };
    parseOptions(plugin.name, plugin.sampleOptions, options);
    if (flags.film !== undefined) checkFilm(flags.film, dataset);
    const inputs = await readInputs(session.model, flags);
    const x = await draw(run, { n: flags.n, seed: flags.seed, options, ...inputs, ...labels(flags) }, flags.film);
    await writeOutput(out, {
      x: inRawUnits(x, dataset),
      columns: dataset.columns,
      sampleRate: dataset.sampleRate,
      draw: () => drawData(x, dataset),
    });
    const { film } = flags;
    printResult(flags.json === true, { run: path, out, n: flags.n, shape: x.shape, ...(film ? { film } : {}) }, [
      `${flags.n} samples in ${out}${film ? `, the way there in ${film}` : ""}`,
    ]);
  });
}

/** Samples, and the film of them when there is to be one. */
async function draw({ session, dataset }: OpenedRun, request: SampleOptions, film?: string): Promise<HostTensor> {
  if (film === undefined) return session.sample(request);
  const frames: SampleFrame[] = [];
  for await (const frame of session.sampleStream(request)) frames.push(frame);
  await writeFileAtomic(film, await drawFilm(frames, film, dataset));
  return (frames[frames.length - 1] as SampleFrame).x;
}

/** The files of those flags that the model's own inputs got. */
async function readInputs(
  { sampleInputs = {} }: GenerativeModel,
  flags: SampleFlags,
): Promise<Pick<SampleOptions, "inputs">> {
  const given = Object.entries(sampleInputs).filter(([name]) => typeof flags[name] === "string");
  if (given.length === 0) return {};
  const read = given.map(async ([name, input]) => [name, await readSampleInput(flags[name] as string, input)] as const);
  return { inputs: Object.fromEntries(await Promise.all(read)) };
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
