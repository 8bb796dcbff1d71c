/**
 * `tokenizer.json`, the file of Hugging Face's tokenizers. https://huggingface.co/docs/tokenizers
 */
import { UserError } from "@latentkit/jit";

/** What a `tokenizer.json` holds. Parts that we do not look into are kept as they are. */
export interface TokenizerJson {
  readonly added_tokens?: readonly AddedTokenJson[];
  readonly pre_tokenizer?: unknown;
  readonly decoder?: unknown;
  readonly model: TokenizerModelJson;
  readonly [part: string]: unknown;
}

/** A token beside those of the model: `<|endoftext|>`. */
export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  /** Whether it is no part of the text. */
  readonly special?: boolean;
  readonly [flag: string]: unknown;
}

/** The part that makes tokens of words. */
export interface TokenizerModelJson {
  readonly type?: string;
  /** Ids by token; a list of `[token, score]` in the Unigram model. */
  readonly vocab: Readonly<Record<string, number>> | readonly (readonly [string, number])[];
  readonly [part: string]: unknown;
}

/** A byte-pair encoding. */
export interface BpeModelJson extends TokenizerModelJson {
  readonly vocab: Readonly<Record<string, number>>;
  /** Pairs of tokens to merge, the most urgent first, in one of the two spellings `["a", "b"]` (since version 0.20) and `"a b"`. */
  readonly merges: readonly (readonly [string, string])[] | readonly string[];
}

/** The spellings of merges: `pairs` is `["a", "b"]`, `strings` is `"a b"`. */
export type MergeSpelling = "pairs" | "strings";

/**
 * Reads the text of a `tokenizer.json`.
 *
 * @param source How messages call the file.
 * @throws UserError when it is not JSON, has no vocabulary, merges in neither spelling, or merges of tokens that the vocabulary lacks.
 */
export function parseTokenizerJson(text: string, source = "tokenizer.json"): TokenizerJson {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw refusal(source, `it is not JSON (${(error as Error).message})`);
  }
  return checkTokenizerJson(json, source);
}

/** Checks what was read from a `tokenizer.json`. @throws UserError as {@link parseTokenizerJson}. */
export function checkTokenizerJson(json: unknown, source = "tokenizer.json"): TokenizerJson {
  const model = isRecord(json) ? json.model : undefined;
  if (!isRecord(model)) throw refusal(source, 'it has no "model"');
  if (!isRecord(model.vocab) && !Array.isArray(model.vocab)) throw refusal(source, 'its model has no "vocab"');
  if (isRecord(model.vocab)) checkVocabulary(model.vocab, source);
  if (model.type === "BPE" || model.merges !== undefined) checkMerges(model as unknown as BpeModelJson, source);
  return json as unknown as TokenizerJson;
}

function checkVocabulary(vocab: Readonly<Record<string, unknown>>, source: string): void {
  const seen = new Map<unknown, string>();
  for (const [token, id] of Object.entries(vocab)) {
    if (!Number.isInteger(id) || (id as number) < 0) {
      throw refusal(source, `token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}, expected a whole number`);
    }
    const other = seen.get(id);
    if (other !== undefined) {
      throw refusal(source, `the tokens ${JSON.stringify(other)} and ${JSON.stringify(token)} share the id ${id}`);
    }
    seen.set(id, token);
  }
}

function checkMerges({ merges, vocab }: BpeModelJson, source: string): void {
  if (!Array.isArray(merges)) throw refusal(source, 'its model is a byte-pair encoding without "merges"');
  for (const [i, merge] of merges.entries()) {
    const [left, right] = readMerge(merge, i, source);
    const missing = [left, right, left + right].find((token) => !Object.hasOwn(vocab, token));
    if (missing !== undefined) {
      throw refusal(source, `merge ${i} needs the token ${JSON.stringify(missing)}, which the vocabulary lacks`);
    }
  }
}

/** A merge in either spelling. */
function readMerge(merge: unknown, i: number, source: string): readonly [string, string] {
  const parts = typeof merge === "string" ? merge.split(" ") : merge;
  const isPair =
    Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === "string" && part !== "");
  if (isPair) return parts as unknown as readonly [string, string];
  throw refusal(source, `merge ${i} is ${JSON.stringify(merge)}, neither "a b" nor ["a","b"]`);
}

/**
 * The same tokenizer with its merges in the other spelling, for programs that know one only.
 *
 * @throws UserError for the spelling `"a b"` of a token that holds a blank.
 */
export function respellMerges(json: TokenizerJson, spelling: MergeSpelling): TokenizerJson {
  const { merges } = json.model as BpeModelJson;
  if (merges === undefined) return json;
  const pairs = merges.map((merge: unknown, i) => readMerge(merge, i, "the tokenizer"));
  const blank = spelling === "strings" ? pairs.find((pair) => pair.some((token) => token.includes(" "))) : undefined;
  if (blank !== undefined) {
    throw new UserError(
      "@latentkit/core",
      `the merge ${JSON.stringify(blank)} holds a blank, so it cannot be written as "a b"; write pairs`,
    );
  }
  return {
    ...json,
    model: { ...json.model, merges: spelling === "pairs" ? pairs : pairs.map((pair) => pair.join(" ")) },
  };
}

/** The tokens of a tokenizer by id; ids that no token has are empty strings. */
export function tokensOf({ model, added_tokens: added = [] }: TokenizerJson): string[] {
  const entries = Array.isArray(model.vocab)
    ? model.vocab.map(([token], id) => [token, id] as [string, number])
    : Object.entries(model.vocab as Record<string, number>);
  const all = [...entries, ...added.map(({ content, id }) => [content, id] as [string, number])];
  const tokens = new Array<string>(all.reduce((size, [, id]) => Math.max(size, id + 1), 0)).fill("");
  for (const [token, id] of all) tokens[id] = token;
  return tokens;
}

/** Ids of the tokens that are no part of the text. */
export function specialIds({ added_tokens: added = [] }: TokenizerJson): Set<number> {
  return new Set(added.filter(({ special }) => special).map(({ id }) => id));
}

/** @throws UserError for an id outside the vocabulary. */
export function checkedIds(ids: ArrayLike<number>, size: number): number[] {
  return Array.from(ids, (id) => {
    if (Number.isInteger(id) && id >= 0 && id < size) return id;
    throw new UserError("@latentkit/core", `token ${id} is outside the vocabulary, whose ids are 0 to ${size - 1}`);
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function refusal(source: string, what: string): UserError {
  return new UserError("@latentkit/core", `${source} is not a tokenizer that can be read: ${what}; save it again`);
}
