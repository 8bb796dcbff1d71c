import type { Tokenizer } from "../data.js";
import { libraryTokenizer } from "./library-tokenizer.js";
import { pieceOf, pieceTokenizer } from "./piece-tokenizer.js";
import { checkTokenizerJson, type TokenizerJson } from "./tokenizer-json.js";

/**
 * A tokenizer from the content of a `tokenizer.json`. Characters, words (whatever stands between blanks) and whole texts are read here;
 * other kinds by `@huggingface/tokenizers`, which is loaded when one is asked for.
 *
 * @throws UserError when the content is no tokenizer, or of a kind that nobody reads.
 */
export async function createTokenizer(json: TokenizerJson): Promise<Tokenizer> {
  const checked = checkTokenizerJson(json);
  const piece = pieceOf(checked);
  return piece === undefined ? libraryTokenizer(checked) : pieceTokenizer(checked, piece);
}
