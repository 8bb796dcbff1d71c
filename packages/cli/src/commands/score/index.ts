import {
  type GenerativeModel,
  type HostTensor,
  meanAndError,
  probabilityBelow,
  sizeOf,
  UserError,
} from "@latentkit/core";
import { formatNumber, formatValue } from "@latentkit/core/node";
import { Command, Option } from "commander";
import { wholeNumber } from "../../flags.js";
import {
  addDataFlags,
  addRunFlags,
  type DataFlags,
  loadData,
  type OpenRun,
  type RunFlags,
  withRun,
} from "../../open.js";
import { counted, printResult } from "../../output.js";
import { checkEnding, writeOutput } from "../../tensor-file.js";

interface ScoreFlags extends RunFlags, DataFlags {
  readonly out: string;
  readonly limit?: number;
  readonly against?: string;
}

export function create(): Command {
  return addDataFlags(addRunFlags(new Command()))
    .description(
      "Writes the log-likelihood of every example in nats, or its lower bound, in the order of the data: .npy, .csv, .json, or .npz with the labels beside them. The least likely examples are the first to look at when searching for anomalies.",
    )
    .requiredOption("--out <file>", "the file to write")
    .option("--against <data>", "score these too, and say how well the likelihood tells the two apart")
    .addOption(new Option("--limit <n>", "use the first n examples only").argParser(wholeNumber("--limit", 1)))
    .action((path: string, flags: ScoreFlags) => score(path, flags));
}

async function score(path: string, flags: ScoreFlags): Promise<void> {
  checkEnding(flags.out, []);
  await withRun(path, flags, async (open) => {
    const { model } = open.run.session;
    const likelihood = likelihoodOf(model);
    const { split, name } = await loadData(open, flags);
    const limit = Math.min(flags.limit ?? split.size, split.size);
    const scores = await open.run.session.perExample(likelihood.f, split, { seed: flags.seed ?? 0, limit });
    const { label } = split.fields.label ? split.gather(Array.from({ length: limit }, (_, i) => i)) : {};
    await writeOutput(flags.out, {
      x: asColumn(scores),
      columns: [likelihood.name],
      ...(label ? { more: { label } } : {}),
    });
    const summary = summarize(scores);
    const area = flags.against === undefined ? {} : { against: await separation(open, flags, flags.against, scores) };
    const value = {
      run: path,
      data: name,
      out: flags.out,
      measure: likelihood.name,
      unit: "nats",
      ...summary,
      ...area,
    };
    printResult(flags.json === true, value, lines(value, model));
  });
}

/** How well likelihoods tell two data sets apart. */
interface Separation {
  readonly data: string;
  /** Probability that an example of the first data set is likelier than one of these: the area under the ROC curve. */
  readonly area: number;
  readonly stderr: number;
  readonly mean: number;
}

async function separation(open: OpenRun, flags: ScoreFlags, against: string, scores: HostTensor): Promise<Separation> {
  const { session } = open.run;
  const { split, name } = await loadData(open, { ...flags, data: against });
  const limit = Math.min(flags.limit ?? split.size, split.size);
  const others = await session.perExample(likelihoodOf(session.model).f, split, { seed: flags.seed ?? 0, limit });
  const { value: area, stderr } = probabilityBelow(others.data, scores.data);
  return { data: name, area, stderr, mean: meanAndError(others.data).value };
}

/** A table has rows: `(n,)` to `(n, 1)`. */
const asColumn = (x: HostTensor): HostTensor => ({ ...x, shape: [...x.shape, 1] });

/** What the model can say of an example. @throws UserError when it has no likelihood. */
function likelihoodOf(model: GenerativeModel) {
  if (model.logProb !== undefined) return { name: "logProb", f: model.logProb } as const;
  if (model.elbo !== undefined) return { name: "elbo", f: model.elbo } as const;
  throw new UserError("@latentkit/cli", "this model has no likelihood to score data with; train a flow, vae or gpt");
}

interface Summary {
  readonly n: number;
  readonly mean: number;
  readonly stderr: number;
  /** 1st, 50th and 99th percentile. */
  readonly percentiles: readonly [number, number, number];
  /** Position of the least likely example. */
  readonly least: number;
}

function summarize(scores: HostTensor): Summary {
  const data = Array.from(scores.data);
  const { value: mean, stderr, n } = meanAndError(data);
  const sorted = Float64Array.from(data).sort();
  const at = (share: number) => sorted[Math.round(share * (n - 1))] as number;
  const least = data.reduce((best, value, i) => (value < (data[best] as number) ? i : best), 0);
  return { n, mean, stderr, percentiles: [at(0.01), at(0.5), at(0.99)], least };
}

function lines(
  { n, out, measure, mean, stderr, percentiles, least, data, against }: Summary & Record<string, any>,
  model: GenerativeModel,
) {
  const perDim = -mean / (sizeOf(model.datum.shape) * Math.LN2);
  const [low, middle, high] = percentiles.map((value: number) => formatNumber(value, 4));
  const note = model.likelihoodNote === undefined ? "" : `, ${model.likelihoodNote}`;
  return [
    `${measure} of ${counted(n, "example")} of ${data} in ${out}`,
    `mean ${formatValue(mean, stderr)} ± ${formatNumber(stderr, 2)} nats (${formatNumber(perDim, 4)} bits/dim${note})`,
    `1 %, 50 %, 99 %: ${low}, ${middle}, ${high}; least likely: example ${least}`,
    ...(against === undefined ? [] : [separationLine(against)]),
  ];
}

function separationLine({ data, area, stderr, mean }: Separation): string {
  return `likelier than ${data} (mean ${formatNumber(mean, 4)} nats) in ${(100 * area).toFixed(2)} ± ${(100 * stderr).toFixed(2)} % of pairs`;
}
