import type { HostTensor } from "@latentkit/jit";
import type { Dataset } from "./data.js";

/** The files of a folder, wherever it is. */
export interface FolderFiles {
  /** How messages call the folder. */
  readonly name: string;
  /** Names of its files, without those of folders inside. */
  readonly names: readonly string[];
  read(name: string): Promise<Uint8Array>;
}

/** What a model was made for, as far as a folder of another program says. */
export type ImportedData = Pick<Dataset, "title" | "licence" | "source" | "datum" | "tokens" | "tokenizer"> & {
  /** Of a split of such data. */
  readonly fields: Dataset["splits"]["train"]["fields"];
};

/** A trained model as it stands in a folder of another program. */
export interface ImportedModel {
  /** Options of the plugin. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly data: ImportedData;
  /** Parameters and state by path: `params.transformer.wte.weight`. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** Files that are written back as they are read, because they hold what we do not: unknown keys, a tokenizer's own settings. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
}

/** What {@link FolderFormat.write} writes. */
export interface ExportedModel extends Omit<ImportedModel, "data"> {
  readonly dataset: Pick<Dataset, "datum" | "tokens" | "tokenizer">;
}

/** A folder in which another program keeps models of this kind. */
export interface FolderFormat {
  /** Kebab-case. */
  readonly name: string;
  /** One line for help texts. */
  readonly summary: string;
  /** Whether a folder is one of these, by its description. */
  accepts(files: FolderFiles): Promise<boolean>;
  /** @throws UserError naming what is missing, unknown or wrong. */
  read(files: FolderFiles): Promise<ImportedModel>;
  /** @returns Files by name. @throws UserError when the format cannot hold the model. */
  write(model: ExportedModel): Promise<ReadonlyMap<string, Uint8Array>>;
}
