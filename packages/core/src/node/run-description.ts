import { type HostTensor, UserError } from "@latentkit/jit";
import { z } from "zod";
import type { Json } from "../checkpoint.js";
import type { Dataset, Split } from "../data.js";
import { createTokenizer } from "../tokenizer/tokenizer.js";
import type { TokenizerJson } from "../tokenizer/tokenizer-json.js";
import { trainConfigSchema } from "../train-config.js";
import type { RunConfig, RunFolder } from "./run-folder.js";

const options = z.record(z.string(), z.json());
const field = z.object({ shape: z.array(z.int().min(0)), dtype: z.enum(["float32", "int32", "bool"]) });
/** Checked by whoever makes a tokenizer of it. */
const tokenizerJson = z.custom<TokenizerJson>((value) => typeof value === "object" && value !== null);

/** What a run's model was made for, kept so that it can be used without the data. */
const datasetSchema = z.object({
  title: z.string(),
  licence: z.string(),
  source: z.string(),
  datum: z.object({
    kind: z.enum(["continuous", "binary", "tokens", "pairs"]),
    shape: z.array(z.int().min(1)),
    range: z.tuple([z.number(), z.number()]).optional(),
    levels: z.int().optional(),
    classes: z.int().optional(),
    vocabulary: z.int().optional(),
    context: z.int().optional(),
    target: z.array(z.int().min(1)).optional(),
    special: z.object({ pad: z.int().optional(), bos: z.int().optional(), eos: z.int().optional() }).optional(),
  }),
  fields: z.record(z.string(), field),
  labelNames: z.array(z.string()).optional(),
  tokens: z.array(z.string()).optional(),
  tokenizer: tokenizerJson.optional(),
  targetTokenizer: tokenizerJson.optional(),
  targetNouns: z.object({ token: z.string(), whole: z.string() }).optional(),
  columns: z.array(z.string()).optional(),
  sampleRate: z.number().positive().optional(),
  standardization: z.object({ mean: z.array(z.number()), std: z.array(z.number()) }).optional(),
  sizes: z.object({ train: z.int(), test: z.int(), valid: z.int().optional() }),
  files: z.record(z.string(), z.string()),
});

const descriptionSchema = z.object({
  model: z.object({ name: z.string(), config: options }),
  data: z.object({ name: z.string(), options }),
  train: trainConfigSchema,
  engine: z.object({ name: z.string(), details: options }),
  dataset: datasetSchema,
  /** Package versions by name, that of Node among them. */
  versions: z.record(z.string(), z.string()),
  /** The command that was typed. */
  command: z.string().optional(),
  /** The folder of another library that the model came from, and what of it has no place here. */
  origin: z.object({ format: z.string(), kept: z.json().optional() }).optional(),
});

/** What a run's `config.json` holds: all it takes to repeat, resume and use the run. */
export type RunDescription = z.output<typeof descriptionSchema>;

/** As `config.json` stores it. */
export function storedDescription(description: RunDescription): RunConfig {
  return JSON.parse(JSON.stringify(description)) as Record<string, Json>;
}

/** Reads what a run folder's `config.json` says. @throws UserError when a part is missing or wrong. */
export function readDescription(folder: RunFolder): RunDescription {
  const parsed = descriptionSchema.safeParse(folder.config);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = `${issue?.path.join(".")}: ${issue?.message}`;
  throw new UserError(
    "@latentkit/core",
    `${folder.configFile} is not a complete run description (${what}); restore it, or train again`,
  );
}

/** The part of a data set that a run keeps. */
export function describeDataset(dataset: Dataset): RunDescription["dataset"] {
  const { title, licence, source, datum, files, splits } = dataset;
  const { labelNames, tokens, tokenizer, targetTokenizer, targetNouns, columns, sampleRate, standardization } = dataset;
  const { train, test, valid } = splits;
  const description = {
    ...{ title, licence, source, datum, files, labelNames, tokens, targetNouns, columns, sampleRate, standardization },
    tokenizer: tokenizer?.toJson(),
    targetTokenizer: targetTokenizer?.toJson(),
    fields: train.fields,
    sizes: { train: train.size, test: test.size, ...(valid ? { valid: valid.size } : {}) },
  };
  return datasetSchema.parse(JSON.parse(JSON.stringify(description)));
}

/**
 * A data set without its examples: enough to build the model, not to train or evaluate it.
 *
 * @throws UserError when a tokenizer of the description cannot be read.
 */
export async function datasetShell(name: string, description: RunDescription["dataset"]): Promise<Dataset> {
  const { sizes, fields, labelNames, tokens, targetNouns, columns, sampleRate, standardization, ...more } = description;
  const { tokenizer, targetTokenizer, ...rest } = more;
  const split = (size: number): Split => ({ size, fields, gather: refuseGather });
  const { valid } = sizes;
  return {
    ...rest,
    datum: withoutUndefined(rest.datum) as Dataset["datum"],
    name,
    ...withoutUndefined({ labelNames, tokens, targetNouns, columns, sampleRate, standardization }),
    ...(tokenizer === undefined ? {} : { tokenizer: await createTokenizer(tokenizer) }),
    ...(targetTokenizer === undefined ? {} : { targetTokenizer: await createTokenizer(targetTokenizer) }),
    splits: {
      train: split(sizes.train),
      test: split(sizes.test),
      ...(valid === undefined ? {} : { valid: split(valid) }),
    },
  };
}

function refuseGather(): Record<string, HostTensor> {
  throw new Error("the run was opened without its data; load them first");
}

function withoutUndefined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
