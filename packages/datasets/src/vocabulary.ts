import { refusal } from "./refusal.js";

/** A text as token ids. */
export interface CharacterTokens {
  readonly ids: Int32Array;
  /** The character (code point) of each id, sorted by code point. */
  readonly tokens: readonly string[];
}

/** Numbers the distinct characters (Unicode code points) of a text in order of code point. */
export function characterTokens(text: string): CharacterTokens {
  const characters = Array.from(text, (character) => character.codePointAt(0) as number);
  const codes = [...new Set(characters)].sort((a, b) => a - b);
  const idOf = new Map(codes.map((code, id) => [code, id]));
  return {
    ids: Int32Array.from(characters, (code) => idOf.get(code) as number),
    tokens: codes.map((code) => String.fromCodePoint(code)),
  };
}

/**
 * The ids of a text's characters, for prompts.
 *
 * @param tokens `tokens` of the data set.
 * @throws UserError naming the first character that is not in the vocabulary.
 */
export function encodeText(tokens: readonly string[], text: string): Int32Array {
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  return Int32Array.from(Array.from(text), (character) => {
    const id = idOf.get(character);
    if (id === undefined)
      throw refusal(`character "${character}" is not in the vocabulary of ${tokens.length} characters; leave it out`);
    return id;
  });
}

/** The text of some token ids. @param tokens `tokens` of the data set. @throws RangeError for an id outside the vocabulary. */
export function decodeTokens(tokens: readonly string[], ids: ArrayLike<number>): string {
  return Array.from(ids, (id) => {
    const token = tokens[id];
    if (token === undefined) throw new RangeError(`decodeTokens: id ${id} is not in [0, ${tokens.length})`);
    return token;
  }).join("");
}
