import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { type HostTensor, type TensorSpec, type Tree, UserError } from "@latentkit/jit";
import type { CheckpointChoice } from "../checkpoint.js";
import type { Dataset } from "../data.js";
import type { ForeignFolder, ForeignFormat, ForeignModel } from "../foreign.js";
import { checkTensors, modelSpecs } from "../model-specs.js";
import { parseOptions } from "../options.js";
import type { ModelPlugin } from "../plugin.js";
import { createModel } from "../train.js";
import { trainConfigSchema } from "../train-config.js";
import { makeFolder, withFileErrors, writeFileAtomic } from "./files.js";
import {
  datasetShell,
  describeDataset,
  type RunDescription,
  readDescription,
  storedDescription,
} from "./run-description.js";
import { createRunFolder, openRunFolder, type RunFolder } from "./run-folder.js";

/** A format and the plugin whose models it holds. */
export interface FormatOfPlugin {
  readonly plugin: ModelPlugin;
  readonly format: ForeignFormat;
}

/** All formats that models can be read from and written to. */
export function formatsOf(plugins: readonly ModelPlugin[]): FormatOfPlugin[] {
  return plugins.flatMap((plugin) => (plugin.formats ?? []).map((format) => ({ plugin, format })));
}

/** Opens a folder whose files are read when they are asked for. @throws UserError when there is no such folder. */
export async function openForeignFolder(path: string): Promise<ForeignFolder> {
  const entries = await withFileErrors(`cannot open folder ${path}`, () =>
    readdir(path, { recursive: true, withFileTypes: true }),
  );
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
  return {
    name: path,
    files: files.sort(),
    read: (file) => withFileErrors(`cannot read ${join(path, file)}`, () => readFile(join(path, file))),
  };
}

/**
 * The format of a folder.
 *
 * @param name When the folder is to be read as this one.
 * @throws UserError when none knows it, or several do.
 */
export async function chooseFormat(
  folder: ForeignFolder,
  known: readonly FormatOfPlugin[],
  name?: string,
): Promise<FormatOfPlugin> {
  const names = known.map(({ format }) => format.name).join(", ");
  const fits = ({ format }: FormatOfPlugin) =>
    name === undefined ? format.recognizes(folder) : Promise.resolve(format.name === name);
  const verdicts = await Promise.all(known.map(fits));
  const fitting = known.filter((_, i) => verdicts[i]);
  const [found] = fitting;
  if (found === undefined && name !== undefined)
    throw new UserError("@latentkit/core", `unknown format "${name}"; known: ${names}`);
  if (found === undefined) {
    throw new UserError(
      "@latentkit/core",
      `${folder.name} is a folder of no known format (${names}); give the folder that holds the model's files`,
    );
  }
  if (fitting.length === 1) return found;
  const choices = fitting.map(({ format }) => format.name).join(" or ");
  throw new UserError("@latentkit/core", `${folder.name} may be ${choices}; say which with --format`);
}

/** What {@link importRun} takes. */
export interface ImportRequest {
  readonly folder: string;
  readonly plugins: readonly ModelPlugin[];
  /** The run folder to make. */
  readonly out: string;
  /** The one that knows the folder when absent. */
  readonly format?: string | undefined;
  /** Delete a run that is there already. */
  readonly overwrite?: boolean | undefined;
  /** Kept in `config.json`. */
  readonly command?: string | undefined;
}

/**
 * Makes a run of a folder that another library wrote: it samples, measures and is written back like any other.
 *
 * @throws UserError when the folder is not understood, or its weights do not fit what it says of itself.
 */
export async function importRun(
  request: ImportRequest,
): Promise<{ run: RunFolder; plugin: ModelPlugin; format: ForeignFormat }> {
  const folder = await openForeignFolder(request.folder);
  const { plugin, format } = await chooseFormat(folder, formatsOf(request.plugins), request.format);
  const found = await format.read(folder);
  const config = parseOptions(plugin.name, plugin.config, found.config);
  const dataset = await emptyDataset(request.folder, found);
  const model = createModel({ plugin, config }, dataset);
  const specs = modelSpecs(model, dataset.splits.train, 1);
  checkTensors(specs as unknown as Tree<TensorSpec>, found.weights, request.folder);
  const { kept, weights } = found;
  const description: RunDescription = {
    model: { name: plugin.name, config: asJson(config) },
    data: { name: dataset.name, options: {} },
    train: trainConfigSchema.parse({ emaDecay: 0, steps: 1 }),
    engine: { name: "auto", details: {} },
    dataset: describeDataset(dataset),
    versions: { node: process.versions.node },
    ...(request.command === undefined ? {} : { command: request.command }),
    origin: { format: format.name, ...(kept === undefined ? {} : { kept: asJson(kept) as never }) },
  };
  const run = await createRunFolder(request.out, storedDescription(description), { overwrite: request.overwrite });
  await writeFiles(run.importedFolder, found.files ?? new Map());
  await run.checkpoints().save(0, { model: weights });
  return { run, plugin, format };
}

const asJson = (value: unknown): Record<string, never> => JSON.parse(JSON.stringify(value));

/** Data of the kind that a model makes, without examples. */
async function emptyDataset(name: string, { data }: ForeignModel): Promise<Dataset> {
  const { datum } = data;
  const isText = datum.kind === "tokens" || datum.kind === "pairs";
  const x = { shape: datum.shape, dtype: isText ? "int32" : "float32" } as const;
  const own = { x, ...(datum.classes === undefined ? {} : { label: { shape: [], dtype: "int32" } as const }) };
  const split = { size: 0, fields: data.fields ?? own, gather: (): Record<string, HostTensor> => ({}) };
  const facts = { licence: "unknown", source: name, files: {}, ...data };
  const described = describeDataset({ ...facts, name, splits: { train: split, test: split } });
  return datasetShell(name, described);
}

/** What {@link exportRun} takes. */
export interface ExportRequest {
  readonly run: string;
  readonly plugins: readonly ModelPlugin[];
  /** The folder to make; it must be empty or not exist. */
  readonly out: string;
  /** The only one of the model, or the one that it came in, when absent. */
  readonly format?: string | undefined;
  readonly checkpoint?: CheckpointChoice | undefined;
  /** Write into a folder that holds files; those of the same names are replaced. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Writes a run's model as a folder of another library. Weights are the moving average when the run has one, as in sampling.
 *
 * @returns The files written.
 * @throws UserError when the format has no words for the model, or the folder cannot be written.
 */
export async function exportRun(request: ExportRequest): Promise<{ format: ForeignFormat; files: readonly string[] }> {
  const { out } = request;
  const folder = await openRunFolder(request.run);
  const description = readDescription(folder);
  const { model, origin, train } = description;
  const known = formatsOf(request.plugins).filter(({ plugin }) => plugin.name === model.name);
  const { format, plugin } = formatToWrite(known, model.name, request.format ?? origin?.format);
  const averaged = train.emaDecay > 0;
  const { tensors } = await folder
    .checkpoints()
    .load(request.checkpoint ?? "latest", averaged ? ["model", "ema"] : ["model"]);
  const weights = new Map(tensors.model);
  for (const [path, tensor] of tensors.ema ?? []) weights.set(path.replace(/^ema\./, "params."), tensor);
  const files = await format.write({
    config: parseOptions(plugin.name, plugin.config, model.config),
    data: await datasetShell(description.data.name, description.dataset),
    weights,
    ...(origin?.format === format.name ? { files: await readFiles(folder.importedFolder) } : {}),
    ...(origin?.format === format.name && origin.kept !== undefined ? { kept: origin.kept } : {}),
  });
  await withFileErrors(`--out ${out} cannot be used`, async () => {
    await makeFolder(out);
    if (request.overwrite !== true && (await readdir(out)).length > 0)
      throw new UserError("@latentkit/core", `--out ${out} holds files; choose another folder, or add --overwrite`);
  });
  await writeFiles(out, files);
  return { format, files: [...files.keys()] };
}

/** The files of a folder without folders inside; none when there is no such folder. */
async function readFiles(path: string): Promise<Map<string, Uint8Array>> {
  const names = await readdir(path).catch(() => []);
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(path, name))] as const)));
}

async function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFileAtomic(join(folder, path), bytes);
  }
}

function formatToWrite(known: readonly FormatOfPlugin[], model: string, name?: string): FormatOfPlugin {
  const names = known.map(({ format }) => format.name).join(", ");
  if (known.length === 0)
    throw new UserError("@latentkit/core", `models of ${model} cannot be written as folders of other libraries`);
  const found = name === undefined && known.length === 1 ? known[0] : known.find(({ format }) => format.name === name);
  if (found !== undefined) return found;
  const reason = name === undefined ? "say which format with --format" : `${model} has no format "${name}"`;
  throw new UserError("@latentkit/core", `${reason}; known: ${names}`);
}
