import { UserError } from "@latentkit/jit";
import { BYTE_CHARACTERS } from "./byte-level.js";
import { type BpeModelJson, checkTokenizerJson, type TokenizerJson, tokensOf } from "./tokenizer-json.js";

/** Text to token ids and back. */
export interface Tokenizer {
  /** By id, as `tokenizer.json` spells them: `Ġthe` is " the" in a byte-level vocabulary. */
  readonly tokens: readonly string[];
  /** @throws UserError naming what the vocabulary cannot spell. */
  encode(text: string): Int32Array;
  /** The text of some ids; special tokens are left out, bytes that are no UTF-8 become U+FFFD. @throws UserError for an id outside the vocabulary. */
  decode(ids: ArrayLike<number>): string;
  /** UTF-8 bytes that each token adds to the text, by id: bits per byte are counted with these. Special tokens have none. */
  readonly byteCounts: Int32Array;
  /** The content of its `tokenizer.json`. */
  readonly json: TokenizerJson;
}

/**
 * A tokenizer from the content of a `tokenizer.json`. Characters and words (whatever stands between blanks) are read here; other kinds
 * by `@huggingface/tokenizers`, which is loaded when one is asked for.
 *
 * @throws UserError when the content is no tokenizer, or of a kind that nobody reads.
 */
export async function createTokenizer(json: TokenizerJson): Promise<Tokenizer> {
  checkTokenizerJson(json);
  if (isCharacters(json)) return pieceTokenizer(json, "character");
  if (isWords(json)) return pieceTokenizer(json, "word");
  return libraryTokenizer(json);
}

/** One token a character. @param special Tokens that are no part of the text; they get the first ids. */
export function characterTokenizerJson(characters: readonly string[], special: readonly string[] = []): TokenizerJson {
  const unused = { dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null };
  const model: BpeModelJson = {
    type: "BPE",
    ...unused,
    unk_token: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab: vocabulary([...special, ...characters]),
    merges: [],
  };
  return { ...frame(special), pre_tokenizer: null, decoder: { type: "Fuse" }, model };
}

/** One token a word between blanks. @param special Tokens that are no part of the text; they get the first ids. */
export function wordTokenizerJson(words: readonly string[], special: readonly string[] = []): TokenizerJson {
  const [unknown = ""] = special;
  const model = { type: "WordLevel", vocab: vocabulary([...special, ...words]), unk_token: unknown };
  return { ...frame(special), pre_tokenizer: { type: "WhitespaceSplit" }, decoder: null, model };
}

function frame(special: readonly string[]) {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    post_processor: null,
  };
}

const vocabulary = (tokens: readonly string[]): Record<string, number> =>
  Object.fromEntries(tokens.map((token, id) => [token, id]));

const typeOf = (part: unknown): unknown => (part as { type?: unknown } | null | undefined)?.type;

function isCharacters({ model, decoder, pre_tokenizer }: TokenizerJson): boolean {
  const { merges } = model as BpeModelJson;
  return model.type === "BPE" && merges.length === 0 && pre_tokenizer === null && typeOf(decoder) === "Fuse";
}

function isWords({ model, pre_tokenizer }: TokenizerJson): boolean {
  return model.type === "WordLevel" && typeOf(pre_tokenizer) === "WhitespaceSplit";
}

const specialIds = ({ added_tokens: added = [] }: TokenizerJson): Set<number> =>
  new Set(added.filter(({ special }) => special).map(({ id }) => id));

/** Tokens that are pieces of the text as they stand. */
function pieceTokenizer(json: TokenizerJson, piece: "character" | "word"): Tokenizer {
  const tokens = tokensOf(json);
  const special = specialIds(json);
  const idOf = new Map(tokens.map((token, id) => [token, id] as const).filter(([, id]) => !special.has(id)));
  const joint = piece === "word" ? " " : "";
  return {
    tokens,
    json,
    byteCounts: Int32Array.from(tokens, (token, id) =>
      special.has(id) ? 0 : new TextEncoder().encode(joint + token).length,
    ),
    encode(text) {
      const pieces = piece === "word" ? text.split(/\s+/).filter((word) => word !== "") : Array.from(text);
      return Int32Array.from(pieces, (part) => {
        const id = idOf.get(part);
        if (id === undefined) throw unknownPiece(piece, part, idOf.size);
        return id;
      });
    },
    decode: (ids) =>
      checkedIds(ids, tokens)
        .filter((id) => !special.has(id))
        .map((id) => tokens[id])
        .join(joint),
  };
}

function unknownPiece(piece: string, part: string, size: number): UserError {
  return new UserError(
    "@latentkit/core",
    `${piece} ${JSON.stringify(part)} is not in the vocabulary of ${size} ${piece}s; leave it out`,
  );
}

function checkedIds(ids: ArrayLike<number>, tokens: readonly string[]): number[] {
  return Array.from(ids, (id) => {
    if (Number.isInteger(id) && id >= 0 && id < tokens.length) return id;
    throw new UserError(
      "@latentkit/core",
      `token ${id} is outside the vocabulary, which has ids 0 to ${tokens.length - 1}`,
    );
  });
}

async function libraryTokenizer(json: TokenizerJson): Promise<Tokenizer> {
  const { Tokenizer: Library } = await import("@huggingface/tokenizers");
  let library: InstanceType<typeof Library>;
  try {
    library = new Library(json, { clean_up_tokenization_spaces: false });
  } catch (error) {
    throw new UserError(
      "@latentkit/core",
      `this tokenizer cannot be read: ${(error as Error).message}; save another kind`,
    );
  }
  const tokens = tokensOf(json);
  const special = specialIds(json);
  const bytes = isByteLevel(json)
    ? byteLevelCounts(tokens)
    : tokens.map((token) => new TextEncoder().encode(token).length);
  return {
    tokens,
    json,
    byteCounts: Int32Array.from(bytes, (count, id) => (special.has(id) ? 0 : count)),
    encode: (text) => Int32Array.from(library.encode(text, { add_special_tokens: false }).ids),
    decode: (ids) => library.decode(checkedIds(ids, tokens), { skip_special_tokens: true }),
  };
}

/** Whether some part of the decoder turns characters into bytes. */
function isByteLevel({ decoder }: TokenizerJson): boolean {
  const { decoders = [] } = (decoder ?? {}) as { decoders?: readonly unknown[] };
  return [decoder, ...decoders].some((part) => typeOf(part) === "ByteLevel");
}

/** Every character of a byte-level token is one byte. */
function byteLevelCounts(tokens: readonly string[]): number[] {
  const known = new Set(BYTE_CHARACTERS);
  return tokens.map((token) => {
    const characters = Array.from(token);
    return characters.every((character) => known.has(character))
      ? characters.length
      : new TextEncoder().encode(token).length;
  });
}
