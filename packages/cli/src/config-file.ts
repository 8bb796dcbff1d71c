import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { didYouMean, type EngineOptions, isDevice, isLowering, isPrecision, UserError } from "@latentkit/core";
import { withFileErrors } from "@latentkit/core/node";

/** What a configuration file may say; every part may be left out. */
export interface FileConfig {
  readonly model?: { readonly name: string; readonly config: Record<string, unknown> };
  readonly data?: { readonly name: string; readonly options: Record<string, unknown> };
  readonly out?: string;
  readonly engine?: string;
  readonly options: EngineOptions;
  readonly train: Record<string, unknown>;
}

const KEYS = ["model", "data", "out", "engine", "threads", "device", "precision", "lowering", "train"];
/** A run's own `config.json` is a configuration too; these parts of it describe the past. */
const IGNORED = ["format", "dataset", "versions", "command"];

/**
 * Reads a configuration: YAML, JSON, or a TypeScript or JavaScript module whose default export is the configuration.
 *
 * @throws UserError when it cannot be read, is no configuration, or holds an unknown key.
 */
export async function readConfigFile(path: string): Promise<FileConfig> {
  const value = await parse(path);
  if (!isRecord(value)) throw refuse(path, "must hold an object with model, data, train …");
  for (const key of Object.keys(value)) {
    if (![...KEYS, ...IGNORED].includes(key))
      throw refuse(path, `has the unknown key "${key}"${didYouMean(key, KEYS)}; known: ${KEYS.join(", ")}`);
  }
  const model = named(path, "model", "config", value.model);
  const data = named(path, "data", "options", value.data);
  const engine = named(path, "engine", "details", value.engine);
  if (value.train !== undefined && !isRecord(value.train)) throw refuse(path, "train must be an object of options");
  return {
    train: (value.train as Record<string, unknown> | undefined) ?? {},
    ...(model ? { model: { name: model.name, config: model.options } } : {}),
    ...(data ? { data } : {}),
    ...(engine === undefined ? {} : { engine: engine.name }),
    ...(value.out === undefined ? {} : { out: String(value.out) }),
    options: optionsOf(path, { ...repeatedOptions(engine?.options ?? {}), ...value }), // a run's file repeats what its numbers depend on
  };
}

/** What a run goes on with as it began, from what its engine said of itself; threads and device may differ, they change the last bits only. */
export function repeatedOptions({ precision, lowering }: Readonly<Record<string, unknown>>): EngineOptions {
  return {
    ...(typeof precision === "string" && isPrecision(precision) ? { precision } : {}),
    ...(typeof lowering === "string" && isLowering(lowering) ? { lowering } : {}),
  };
}

/** How the engine is to compute. */
function optionsOf(path: string, { threads, device, precision, lowering }: Record<string, unknown>): EngineOptions {
  if (threads !== undefined && !(Number.isInteger(threads) && (threads as number) >= 1))
    throw refuse(path, `threads must be a whole number from 1, got ${JSON.stringify(threads)}`);
  if (device !== undefined && !isDevice(String(device)))
    throw refuse(path, `device must be cpu, gpu or gpu:N, got ${JSON.stringify(device)}`);
  if (precision !== undefined && !isPrecision(String(precision)))
    throw refuse(path, `precision must be float32 or bf16, got ${JSON.stringify(precision)}`);
  if (lowering !== undefined && !isLowering(String(lowering)))
    throw refuse(path, `lowering must be xla, clusters or graph, got ${JSON.stringify(lowering)}`);
  return { threads, device, precision, lowering } as EngineOptions;
}

/** `model: vae` or `model: { name: vae, config: { … } }`. */
function named(
  path: string,
  key: string,
  optionsKey: string,
  value: unknown,
): { name: string; options: Record<string, unknown> } | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string") return { name: value, options: {} };
  const options = isRecord(value) ? (value[optionsKey] ?? {}) : undefined;
  if (isRecord(value) && typeof value.name === "string" && isRecord(options)) return { name: value.name, options };
  throw refuse(path, `${key} must be a name, or an object with name and ${optionsKey}`);
}

async function parse(path: string): Promise<unknown> {
  const ending = extname(path).toLowerCase();
  if (![".json", ".yaml", ".yml", ".ts", ".mts", ".js", ".mjs"].includes(ending)) {
    throw refuse(path, "must end in .yaml, .yml, .json, .ts, .mts, .js or .mjs");
  }
  const text = await withFileErrors(`cannot read --config ${path}`, () => readFile(path, "utf8"));
  try {
    if (ending === ".json") return JSON.parse(text);
    if (ending === ".yaml" || ending === ".yml") return (await import("yaml")).parse(text);
    return await importModule(resolve(path), ending.includes("ts"));
  } catch (error) {
    const [line = ""] = (error as Error).message.split("\n");
    throw refuse(path, `cannot be read: ${line.replace(/:$/, "")}`, error);
  }
}

async function importModule(path: string, typescript: boolean): Promise<unknown> {
  if (!typescript) return ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  const { createJiti } = await import("jiti");
  return createJiti(import.meta.url, { fsCache: false }).import(path, { default: true });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const refuse = (path: string, what: string, cause?: unknown): UserError =>
  new UserError("@latentkit/cli", `--config ${path} ${what}`, { cause });
