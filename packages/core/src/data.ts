import type { DType, HostTensor } from "@latentkit/jit";
import type { z } from "zod";
import type { TokenizerJson } from "./tokenizer/tokenizer-json.js";

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
  /** Number of different tokens, for `tokens` and `pairs`; source and target of pairs share one numbering. */
  readonly vocabulary?: number;
  /**
   * Leading tokens of an example that are given and not predicted, for `tokens`; 0 when absent. Windows of a running text have 1: each begins
   * with the last token of the one before, so that every token but the text's first is predicted once.
   */
  readonly context?: number;
  /** Shape of the field `target` of `pairs`, `[T]`: the target's tokens, `special.eos`, then `special.pad`. `shape` is that of the source, padded alike. */
  readonly target?: readonly number[];
  /** Ids with a meaning of their own: padding, begin and end of a sequence. `pairs` have all three. */
  readonly special?: SpecialTokens;
}

/** Ids of {@link DatumSpec.special}. */
export interface SpecialTokens {
  readonly pad?: number;
  readonly bos?: number;
  readonly eos?: number;
}

/** Text to token ids and back. */
export interface Tokenizer {
  /** Number of ids, special ones included: at most the model's vocabulary. */
  readonly size: number;
  /** @throws UserError naming what the vocabulary lacks. */
  encode(text: string): Int32Array;
  /** The text of some ids; special ones have none. @throws UserError for an id outside the vocabulary. */
  decode(ids: ArrayLike<number>): string;
  /** UTF-8 bytes of one token, which may be a part of a character; empty for special ids. @throws UserError as `decode` does. */
  bytes(id: number): Uint8Array;
  /** What `tokenizer.json` holds, the format of the Hugging Face tokenizers library: a run keeps it. */
  toJson(): TokenizerJson;
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
  /** Text of each token id, for `tokens` and `pairs`: `tokens[id]`, as `tokenizer.json` spells it. */
  readonly tokens?: readonly string[];
  /** Values a second, of waveforms: such data can be written as sound. */
  readonly sampleRate?: number;
  /** How text became the tokens of `x`, for `tokens` and `pairs` of text: prompts are read, and samples written, by it. */
  readonly tokenizer?: Tokenizer;
  /** How text became the tokens of `target`, where another way than `tokenizer` did. */
  readonly targetTokenizer?: Tokenizer;
  /** What a token of a target and a whole target are called, for `pairs`, e.g. `phoneme` and `word`: for the notes of error rates. */
  readonly targetNouns?: { readonly token: string; readonly whole: string };
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
