import type { HostTensor } from "@latentkit/jit";
import type { Json } from "./checkpoint.js";
import type { Dataset, Split } from "./data.js";

/** The files of a folder that another library wrote. */
export interface ForeignFolder {
  /** How messages call it. */
  readonly name: string;
  /** Paths of all files, relative, with slashes. */
  readonly files: readonly string[];
  /** @throws UserError when there is no such file, or it cannot be read. */
  read(path: string): Promise<Uint8Array>;
}

/** A model as a foreign folder describes it, in this plugin's words. */
export interface ForeignModel {
  /** Options of the plugin. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What the model makes; data of this kind can be measured and trained on. */
  readonly data: Pick<Dataset, "title" | "datum"> &
    Partial<Dataset> & {
      /** Fields of an example; `x`, and `label` where there are classes, when absent. */
      readonly fields?: Split["fields"];
    };
  /** Weights by their paths: `params.…`, `state.…`. */
  readonly weights: ReadonlyMap<string, HostTensor>;
  /** What the folder says that has no place among the options; a folder that is written later gets it back. */
  readonly kept?: Json;
  /** Files that a folder that is written later holds as they are, because they say what we do not: a tokenizer's own settings. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/** What a folder is written from: a {@link ForeignModel}, all of it known. */
export type ForeignSource = Omit<ForeignModel, "data"> & {
  readonly data: Pick<Dataset, "datum"> & Partial<Dataset>;
};

/** A kind of folder that another library reads and writes, such as those of Hugging Face's. */
export interface ForeignFormat {
  /** The word behind `--format`: `diffusers`. */
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  /** Whether a folder is of this kind: by the names of its files, or by what one of them says. */
  recognizes(folder: ForeignFolder): Promise<boolean>;
  /** @throws UserError when the folder is broken, or holds what the plugin does not have. */
  read(folder: ForeignFolder): Promise<ForeignModel>;
  /** @returns Bytes by path. @throws UserError when the format has no words for the model. */
  write(model: ForeignSource): Promise<ReadonlyMap<string, Uint8Array>>;
}
