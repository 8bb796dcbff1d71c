import {
  type GenerativeModel,
  generateText,
  type HostTensor,
  MAX_SAMPLES_A_CALL,
  type ModelPlugin,
  parseOptions,
  type SampleFrame,
  type SampleOptions,
  streamText,
  type TextRequest,
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
import { counted, printResult } from "../../output.js";
import { checkEnding, inRawUnits, writeOutput } from "../../tensor-file.js";

interface SampleFlags extends RunFlags {
  readonly n?: number;
  readonly seed: number;
  readonly label?: readonly number[];
  readonly set?: readonly string[];
  readonly out?: string;
  readonly film?: string;
  readonly prompt?: readonly string[];
  readonly source?: readonly string[];
  readonly stop?: readonly string[];
  readonly stream?: boolean;
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
    .addOption(
      new Option(
        "-n <count>",
        "number of samples; of text: for each prompt or source (default: 64, of text 1)",
      ).argParser(wholeNumber("-n", 1)),
    )
    .addOption(new Option("--seed <n>", "same seed, same samples").argParser(wholeNumber("--seed")).default(0))
    .option("--label <classes>", "a class, or one for each sample: 3 or 0,1,2", parseLabels)
    .option("--out <file>", "the file to write (default: samples with the ending that suits the data)")
    .option(
      "--film <file>",
      "the way there, too: .apng plays it, .png is a strip of moments (.svg of points, .txt of text)",
    )
    .option("--prompt <text>", "of models of text: a beginning to continue (repeatable)", collect)
    .option("--source <text>", "of models of pairs: a text to answer (repeatable)", collect)
    .option("--stop <text>", "ends a generated text (repeatable)", collect)
    .option("--stream", "print text as it is generated");
  addAssignments(command, "--set", "a sampling option of the model");
  const own = [...command.options.map((option) => option.attributeName()), ...GLOBAL_FLAGS];
  if (found !== undefined) {
    addSchemaFlags(command, found.plugin.sampleOptions, own);
    for (const [name, { summary }] of fileInputs(found.model))
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

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** @param own Flags that are the command's, whatever options the model has. */
async function sample(path: string, flags: SampleFlags, own: readonly string[]): Promise<void> {
  await withRun(path, flags, async ({ app, run }) => {
    const plugin = findModel(app, run.description.model.name);
    const options = {
      ...givenFlags(
        flags,
        Object.keys(plugin.sampleOptions.shape).filter((name) => !own.includes(name)),
      ),
      ...parseAssignments("--set", flags.set),
    };
    parseOptions(plugin.name, plugin.sampleOptions, options);
    const isText = [flags.prompt, flags.source, flags.stop, flags.stream].some((flag) => flag !== undefined);
    await (isText ? writeTexts(path, run, flags, options) : writeSamples(path, run, flags, options));
  });
}

type Options = Readonly<Record<string, unknown>>;

async function writeSamples(path: string, run: OpenedRun, flags: SampleFlags, options: Options): Promise<void> {
  const { session, dataset } = run;
  const { n = 64, seed, film } = flags;
  const drawing = DRAWING[dataKind(dataset.datum)];
  const out = flags.out ?? `samples${drawing}`;
  checkEnding(out, dataset.sampleRate === undefined ? [drawing] : [drawing, ".wav"]);
  if (film !== undefined) checkFilm(film, dataset);
  if (film !== undefined && n > MAX_SAMPLES_A_CALL)
    throw new UsageError(
      `--film takes at most ${MAX_SAMPLES_A_CALL} samples, got -n ${n}; use -n ${MAX_SAMPLES_A_CALL}, or leave --film out`,
    );
  const inputs = await readInputs(session.model, flags);
  const x = await draw(run, { n, seed, options, ...inputs, ...labels(flags) }, film);
  await writeOutput(out, {
    x: inRawUnits(x, dataset),
    columns: dataset.columns,
    sampleRate: dataset.sampleRate,
    draw: () => drawData(x, dataset),
  });
  printResult(flags.json === true, { run: path, out, n, shape: x.shape, ...(film ? { film } : {}) }, [
    `${counted(n, "sample")} in ${out}${film ? `, the way there in ${film}` : ""}`,
  ]);
}

/** Samples, and the film of them when there is to be one. */
async function draw({ session, dataset }: OpenedRun, request: SampleOptions, film?: string): Promise<HostTensor> {
  if (film === undefined) return session.sample(request);
  const frames: SampleFrame[] = [];
  for await (const frame of session.sampleStream(request)) frames.push(frame);
  await writeFileAtomic(film, await drawFilm(frames, film, dataset));
  return (frames[frames.length - 1] as SampleFrame).x;
}

/** Inputs that are read from files: those of fixed shape; tokens come as text. */
function fileInputs({ sampleInputs = {} }: GenerativeModel) {
  return Object.entries(sampleInputs).flatMap(([name, { shape, dtype, ...input }]) => {
    const sizes = shape.filter((size) => size !== null);
    return dtype === "int32" || sizes.length < shape.length ? [] : [[name, { ...input, shape: sizes }] as const];
  });
}

/** The files of those flags that the model's own inputs got. */
async function readInputs(model: GenerativeModel, flags: SampleFlags): Promise<Pick<SampleOptions, "inputs">> {
  const given = fileInputs(model).filter(([name]) => typeof flags[name] === "string");
  if (given.length === 0) return {};
  const read = given.map(async ([name, input]) => [name, await readSampleInput(flags[name] as string, input)] as const);
  return { inputs: Object.fromEntries(await Promise.all(read)) };
}

/** Texts to the terminal, or to the file of `--out`. */
async function writeTexts(path: string, { session, dataset }: OpenedRun, flags: SampleFlags, options: Options) {
  const { n = 1, seed, prompt, source, stop, out } = flags;
  const request: TextRequest = {
    ...{ n, seed, options },
    ...(prompt === undefined ? {} : { prompt }),
    ...(source === undefined ? {} : { source }),
    ...(stop === undefined ? {} : { stop }),
  };
  if (out !== undefined) checkEnding(out, [".txt"]);
  const given = prompt ?? source ?? [""];
  if (flags.stream === true) {
    if (n * given.length > 1)
      throw new UsageError(
        `--stream prints one text, got ${n * given.length}; leave it out, or -n and further prompts`,
      );
    const text = await printStream(streamText(session, dataset, request), prompt?.[0] ?? "");
    if (out !== undefined) await writeFileAtomic(out, `${text}\n`);
    return;
  }
  const texts = await generateText(session, dataset, request);
  const whole = texts.map((text, i) => `${prompt?.[Math.floor(i / n)] ?? ""}${text}`);
  if (out !== undefined) await writeFileAtomic(out, whole.map((text) => `${text}\n`).join(SEPARATOR));
  const result = { run: path, ...(out === undefined ? {} : { out }), n: texts.length, texts };
  const lines = out === undefined ? [whole.join(`\n${SEPARATOR}`)] : [`${counted(texts.length, "text")} in ${out}`];
  printResult(flags.json === true, result, lines);
}

const SEPARATOR = `${"-".repeat(20)}\n`;

/** Prints a text while it grows. @returns All of it. */
async function printStream(frames: ReturnType<typeof streamText>, prompt: string): Promise<string> {
  process.stdout.write(prompt);
  let known = "";
  for await (const { texts } of frames) {
    const [text = ""] = texts;
    if (text.startsWith(known)) process.stdout.write(text.slice(known.length));
    known = text;
  }
  process.stdout.write("\n");
  return prompt + known;
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
