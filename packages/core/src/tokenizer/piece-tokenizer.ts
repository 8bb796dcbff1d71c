import { UserError } from "@latentkit/jit";
import type { Tokenizer } from "../data.js";
import { type BpeModelJson, checkedIds, specialIds, type TokenizerJson, tokensOf } from "./tokenizer-json.js";

/** What one token is: a character (Unicode code point), a word between blanks, or a text as a whole, such as the name of a class. */
export type Piece = "character" | "word" | "text";

/** What {@link pieces} makes a tokenizer of. */
export interface PieceOptions {
  /** In the order of their ids. */
  readonly tokens: readonly string[];
  /** Tokens that are no part of the text, by id from 0. */
  readonly special?: readonly string[];
  /** Id of the first token; the number of special tokens when absent. */
  readonly firstId?: number;
}

/** One token a character, word or text. */
export function pieces(piece: Piece, options: PieceOptions): Tokenizer {
  return pieceTokenizer(pieceJson(piece, options), piece);
}

function pieceJson(piece: Piece, { tokens, special = [], firstId = special.length }: PieceOptions): TokenizerJson {
  const vocab = Object.fromEntries([
    ...special.map((token, id) => [token, id] as const),
    ...tokens.map((token, i) => [token, firstId + i] as const),
  ]);
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const frame = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
  };
  if (piece === "character") {
    const unused = { dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null };
    const model = { type: "BPE", ...unused, fuse_unk: false, byte_fallback: false, vocab, merges: [] };
    return { ...frame, pre_tokenizer: null, post_processor: null, decoder: { type: "Fuse" }, model };
  }
  const preTokenizer = piece === "word" ? { type: "WhitespaceSplit" } : null;
  const model = { type: "WordLevel", vocab, unk_token: special[0] ?? "" };
  return { ...frame, pre_tokenizer: preTokenizer, post_processor: null, decoder: null, model };
}

const typeOf = (part: unknown): unknown => (part as { type?: unknown } | null | undefined)?.type;

/** Which kind of pieces a `tokenizer.json` describes; nothing when it is another kind of tokenizer. */
export function pieceOf({ model, decoder, pre_tokenizer, normalizer }: TokenizerJson): Piece | undefined {
  if (normalizer !== null && normalizer !== undefined) return undefined;
  const hasMerges = ((model as BpeModelJson).merges ?? []).length > 0;
  if (model.type === "BPE" && !hasMerges && pre_tokenizer === null && typeOf(decoder) === "Fuse") return "character";
  if (model.type !== "WordLevel") return undefined;
  if (typeOf(pre_tokenizer) === "WhitespaceSplit") return "word";
  return pre_tokenizer === null ? "text" : undefined;
}

const SPLIT: Readonly<Record<Piece, (text: string) => string[]>> = {
  character: (text) => Array.from(text),
  word: (text) => text.split(/\s+/).filter((word) => word !== ""),
  text: (text) => [text],
};

/** A tokenizer of a `tokenizer.json` that {@link pieceOf} knows. */
export function pieceTokenizer(json: TokenizerJson, piece: Piece): Tokenizer {
  const tokens = tokensOf(json);
  const special = specialIds(json);
  const isText = (id: number) => !special.has(id);
  const idOf = new Map(
    tokens.map((token, id) => [token, id] as const).filter(([token, id]) => token !== "" && isText(id)),
  );
  const joint = piece === "character" ? "" : " ";
  const encoder = new TextEncoder();
  return {
    size: tokens.length,
    encode: (text) =>
      Int32Array.from(SPLIT[piece](text), (part) => {
        const id = idOf.get(part);
        if (id === undefined) throw unknownPiece(piece, part, idOf.size);
        return id;
      }),
    decode: (ids) =>
      checkedIds(ids, tokens.length)
        .filter(isText)
        .map((id) => tokens[id])
        .join(joint),
    bytes(id) {
      checkedIds([id], tokens.length);
      return isText(id) ? encoder.encode(joint + tokens[id]) : new Uint8Array(0);
    },
    toJson: () => json,
  };
}

function unknownPiece(piece: Piece, part: string, size: number): UserError {
  const shown = JSON.stringify(part);
  return new UserError(
    "@latentkit/core",
    `${piece} ${shown} is not in the vocabulary of ${size} ${piece}s; leave it out`,
  );
}
