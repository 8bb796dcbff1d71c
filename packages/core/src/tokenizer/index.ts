export { splitWords } from "./byte-level.js";
export { type Piece, type PieceOptions, pieces } from "./piece-tokenizer.js";
export { createTokenizer } from "./tokenizer.js";
export {
  type AddedTokenJson,
  type BpeModelJson,
  checkTokenizerJson,
  type MergeSpelling,
  parseTokenizerJson,
  respellMerges,
  type TokenizerJson,
  type TokenizerModelJson,
  tokensOf,
} from "./tokenizer-json.js";
export { type BpeOptions, byteLevelBpe, trainBpe } from "./train-bpe.js";
