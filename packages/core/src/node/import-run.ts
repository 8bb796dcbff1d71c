import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { UserError } from "@latentkit/jit";
import type { FolderFiles, FolderFormat, ImportedModel } from "../folder-format.js";
import { parseOptions } from "../options.js";
import type { ModelPlugin } from "../plugin.js";
import { trainConfigSchema } from "../train-config.js";
import { makeFolder, withFileErrors } from "./files.js";
import { datasetShell, describeDataset, readDescription, storedDescription } from "./run-description.js";
import { createRunFolder, openRunFolder, type RunFolder } from "./run-folder.js";

/** What a run that was imported names as its data; it has none of its own. */
export const IMPORTED = "imported";

/** The files of a folder on disk. @throws UserError when it cannot be read. */
export async function folderFiles(path: string): Promise<FolderFiles> {
  const entries = await withFileErrors(`cannot read ${path}`, () => readdir(path, { withFileTypes: true }));
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const read = (name: string) => withFileErrors(`cannot read ${join(path, name)}`, () => readFile(join(path, name)));
  return { name: path, names: names.sort(), read };
}

/**
 * The model and format that a folder is of.
 *
 * @param format Its name; found by looking when absent.
 * @throws UserError when no installed model reads such folders.
 */
export async function findFormat(
  files: FolderFiles,
  models: readonly ModelPlugin[],
  format?: string,
): Promise<{ plugin: ModelPlugin; format: FolderFormat }> {
  const known = models.flatMap((plugin) => (plugin.folders ?? []).map((candidate) => ({ plugin, format: candidate })));
  for (const candidate of known) {
    const isIt = format === undefined ? await candidate.format.accepts(files) : candidate.format.name === format;
    if (isIt) return candidate;
  }
  const list = `known: ${known.map(({ format: { name } }) => name).join(", ")}`;
  const what =
    format === undefined ? `${files.name} is no folder that a model can be read from` : `unknown format "${format}"`;
  throw new UserError("@latentkit/core", `${what}; ${list}`);
}

/**
 * Makes a run of a model in a folder of another program: its weights are the checkpoint of step 0.
 *
 * @throws UserError when the folder is of no known format, its files contradict each other, or `out` cannot be written.
 */
export async function importRun(
  path: string,
  {
    out,
    models,
    ...options
  }: {
    readonly out: string;
    readonly models: readonly ModelPlugin[];
    readonly format?: string;
    readonly overwrite?: boolean;
  },
): Promise<{ folder: RunFolder; format: FolderFormat; imported: ImportedModel }> {
  const files = await folderFiles(path);
  const { plugin, format } = await findFormat(files, models, options.format);
  const imported = await format.read(files);
  const { fields, ...data } = imported.data;
  const split = { size: 0, fields, gather: () => ({}) };
  const description = {
    model: { name: plugin.name, config: asJson(parseOptions(plugin.name, plugin.config, imported.config)) },
    data: { name: `${IMPORTED}:${resolve(path)}`, options: {} },
    train: parseOptions("@latentkit/core", trainConfigSchema, { batchSize: 1, emaDecay: 0 }),
    engine: { name: "auto", details: {} },
    dataset: describeDataset({ ...data, name: IMPORTED, files: {}, splits: { train: split, test: split } }),
    versions: { node: process.versions.node },
  };
  const folder = await createRunFolder(out, storedDescription(description), { overwrite: options.overwrite });
  await writeFiles(folder.importedFolder, imported.kept);
  await folder.checkpoints().save(0, { model: imported.tensors });
  return { folder, format, imported };
}

const asJson = <T>(value: T) => JSON.parse(JSON.stringify(value));

/**
 * Writes a run's model as a folder of another program.
 *
 * @param checkpoint The latest when absent; the moving average of the weights where the run has one.
 * @throws UserError when the model has no such format, the format cannot hold it, or `out` holds files already.
 */
export async function exportRun(
  path: string,
  {
    out,
    findModel,
    ...options
  }: {
    readonly out: string;
    findModel(name: string): ModelPlugin;
    readonly format?: string;
    readonly checkpoint?: number | "latest" | "best";
  },
): Promise<{ format: FolderFormat; files: readonly string[] }> {
  const folder = await openRunFolder(path);
  const description = readDescription(folder);
  const plugin = findModel(description.model.name);
  const formats = plugin.folders ?? [];
  const format = options.format === undefined ? formats[0] : formats.find(({ name }) => name === options.format);
  if (format === undefined) {
    const known = formats.length === 0 ? "there is none" : `known: ${formats.map(({ name }) => name).join(", ")}`;
    throw new UserError(
      "@latentkit/core",
      `${plugin.name} has no format ${options.format ?? "to export to"}; ${known}`,
    );
  }
  const averaged = description.train.emaDecay > 0;
  const { tensors } = await folder
    .checkpoints()
    .load(options.checkpoint ?? "latest", averaged ? ["model", "ema"] : ["model"]);
  const weights = [...(tensors.model ?? []), ...(tensors.ema ?? [])].map(
    ([name, tensor]) => [name.replace(/^ema\./, "params."), tensor] as const,
  );
  const files = await format.write({
    config: description.model.config,
    dataset: await datasetShell(description.data.name, description.dataset),
    tensors: new Map(weights),
    kept: await readFiles(folder.importedFolder),
  });
  await writeNewFolder(out, files);
  return { format, files: [...files.keys()] };
}

async function readFiles(path: string): Promise<Map<string, Uint8Array>> {
  const names = await readdir(path).catch(() => []);
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(path, name))] as const)));
}

async function writeNewFolder(out: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await withFileErrors(`--out ${out} cannot be used`, () => makeFolder(out));
  const names = await withFileErrors(`--out ${out} cannot be used`, () => readdir(out));
  if (names.length > 0) {
    throw new UserError(
      "@latentkit/core",
      `--out ${out} holds files already (${basename(names[0] as string)} …); choose a new folder`,
    );
  }
  await writeFiles(out, files);
}

async function writeFiles(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  if (files.size === 0) return;
  await withFileErrors(`cannot write ${folder}`, async () => {
    await mkdir(folder, { recursive: true });
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
  });
}
