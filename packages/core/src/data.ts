import type { DType, HostTensor } from "@latentkit/jit";
import type { z } from "zod";

/** What one datum is: what a model may assume of its inputs, and must refuse when it cannot model it. */
export interface DatumSpec {
  /** `continuous`: real values; `binary`: 0 or 1; `tokens`: integer sequence; `pairs`: source and target token sequences. */
  readonly kind: "continuous" | "binary" | "tokens" | "pairs";
  /** Shape of one datum without the batch: `[28, 28, 1]` (H, W, C), `[2]`, `[blockSize]`. */
  readonly shape: readonly number[];
  /** Closed interval that holds every value; absent when unbounded. */
  readonly range?: readonly [low: number, high: number];
  /** Number of equally spaced levels in `range` when the values are quantised, e.g. 256 for 8-bit images. */
  readonly levels?: number;
  /** Number of classes when the data are labelled. */
  readonly classes?: number;
  /** Number of different tokens, for `tokens` and `pairs`. */
  readonly vocabulary?: number;
}

/** One field of an example as stored: `x` always, `label` when labelled, others by name (`target` of pairs). */
export interface FieldSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Random access to the examples of one split. */
export interface Split {
  readonly size: number;
  readonly fields: Readonly<Record<string, FieldSpec>>;
  /**
   * Collects examples.
   *
   * @param indices Positions in `[0, size)`, any order, repeats allowed.
   * @returns One tensor a field, first dimension `indices.length`; fresh arrays each call.
   */
  gather(indices: ArrayLike<number>): Record<string, HostTensor>;
}

/** A data set, described and loaded. */
export interface Dataset {
  /** The name given to `--data`, e.g. `mnist`, `csv:points.csv`. */
  readonly name: string;
  readonly title: string;
  readonly datum: DatumSpec;
  readonly licence: string;
  /** Where the values come from: paper, package or path. */
  readonly source: string;
  /** Class names by label. */
  readonly labelNames?: readonly string[];
  /** Text of each token id, for `tokens`: `tokens[id]`. */
  readonly tokens?: readonly string[];
  /** Values a second, of waveforms: such data can be written as sound. */
  readonly sampleRate?: number;
  /** Column names of tabular data, in the order of the last dimension. */
  readonly columns?: readonly string[];
  /** How tabular columns were rescaled: `x = (raw - mean) / std`, from the training split. A log-likelihood of `raw` is that of `x` minus the sum of `ln std`. */
  readonly standardization?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** Differential entropy of the distribution in nats when known (2-D toys): no model has a mean test negative log-likelihood below it. */
  readonly entropy?: number;
  /** sha256 by file name, of the files that were read. */
  readonly files: Readonly<Record<string, string>>;
  readonly splits: { readonly train: Split; readonly test: Split; readonly valid?: Split };
}

/** What `--data NAME[:ARGUMENT]` resolves to; registered under the token `DATASET`. */
export interface DatasetFactory {
  /** `mnist`, `csv`, `8gaussians` … */
  readonly name: string;
  /** One line for `latentkit list`. */
  readonly summary: string;
  /** How the argument is called in messages (`PATH`, `FOLDER`, `FILE`), in brackets (`[FOLDER]`) when it may be left out; absent when the name takes none. */
  readonly argument?: string;
  /** The reader's own options with defaults and descriptions: for `latentkit list` and completion; `load` checks them itself. */
  readonly options?: z.ZodObject;
  /** @throws UserError when files are missing, truncated, corrupt, or hold NaN. */
  load(request: DatasetRequest): Promise<Dataset>;
}

/** What {@link DatasetFactory.load} is asked for. */
export interface DatasetRequest {
  /** The part behind the colon in `csv:points.csv`. */
  readonly argument?: string;
  /** Seed of whatever the data set draws itself (toy points, random split). */
  readonly seed: number;
  /** The reader's own options, e.g. `{ size: 64, channels: "grey" }`; unknown names are refused. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A data set with the options chosen: what `train({ data })` takes; `mnist()` and `csv("points.csv", { label: "class" })` return one. */
export interface DatasetSource {
  /** What `--data` would call it: `mnist`, `csv:points.csv`. */
  readonly name: string;
  /** The options given, as JSON can hold them: with `name` they describe the source in a run's `config.json`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** @param seed Seed of whatever the data set draws itself (toy points, random split). */
  load(seed: number): Promise<Dataset>;
}
