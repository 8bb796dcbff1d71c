import { type Dataset, type DatasetFactory, type DatasetSource, didYouMean } from "@latentkit/core";
import type { z } from "zod";
import { refusal } from "./refusal.js";

/** What a reader gets after its argument and options were checked. */
export interface ReadRequest<S extends z.ZodObject> {
  /** What `--data` would call it: `csv:points.csv`. For `Dataset.name`. */
  readonly name: string;
  /** The part behind the colon; empty when left out. */
  readonly argument: string;
  readonly seed: number;
  readonly options: z.output<S>;
}

/** A data set or file reader of this package. */
export interface Reader<S extends z.ZodObject> {
  readonly name: string;
  readonly summary: string;
  /** `FILE`: required; `[FOLDER]`: may be left out; absent: there is none. */
  readonly argument?: string;
  /** Every option has a default and a description that completes "it is …". */
  readonly options: S;
  read(request: ReadRequest<S>): Promise<Dataset>;
}

/** A `DatasetFactory` that keeps the type of its options. */
export interface ReaderFactory<S extends z.ZodObject> extends DatasetFactory {
  readonly options: S;
}

/** Turns a reader into what the container registers: checks argument and options before it reads. */
export function defineDataset<S extends z.ZodObject>(reader: Reader<S>): ReaderFactory<S> {
  const { name, summary, options } = reader;
  return {
    name,
    summary,
    options,
    ...(reader.argument === undefined ? {} : { argument: reader.argument }),
    load: async (request) => {
      const argument = checkArgument(reader, request.argument);
      const checked = checkOptions(name, options, request.options);
      return reader.read({ name: specOf(name, argument), argument, seed: request.seed, options: checked });
    },
  };
}

/** A factory with argument and options chosen: what the functions of this package return. Options are checked when it loads. */
export function sourceOf(
  factory: DatasetFactory,
  options: Readonly<Record<string, unknown>> = {},
  argument?: string,
): DatasetSource {
  return {
    name: specOf(factory.name, argument),
    options,
    load: (seed) => factory.load({ seed, options, ...(argument === undefined ? {} : { argument }) }),
  };
}

function specOf(name: string, argument = ""): string {
  return argument === "" ? name : `${name}:${argument}`;
}

function checkArgument(reader: Pick<Reader<z.ZodObject>, "name" | "argument">, argument = ""): string {
  const { name, argument: wanted } = reader;
  if (wanted === undefined && argument !== "")
    throw refusal(`${name} takes no argument, got "${argument}"; write ${name}`);
  if (wanted !== undefined && !wanted.startsWith("[") && argument === "") {
    throw refusal(`${name} needs a ${wanted.toLowerCase()}; write ${name}:${wanted}`);
  }
  return argument;
}

function checkOptions<S extends z.ZodObject>(
  name: string,
  schema: S,
  given: Readonly<Record<string, unknown>>,
): z.output<S> {
  const known = Object.keys(schema.shape);
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const choices = known.length === 0 ? `${name} has no options` : `options of ${name}: ${known.join(", ")}`;
    throw refusal(`unknown option "${key}" of ${name}${didYouMean(key, known)}; ${choices}`);
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = String(issue?.path[0]);
  const meaning = schema.shape[key]?.description;
  const value = JSON.stringify(given[key]);
  throw refusal(`option ${key} of ${name} must not be ${value}: it is ${meaning} (${issue?.message})`);
}
