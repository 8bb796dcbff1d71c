import { createHash } from "node:crypto";
import {
  createTokenizer,
  parseTokenizerJson,
  pieces,
  type Tokenizer,
  type TokenizerJson,
  tokensOf,
  trainBpe,
} from "@latentkit/core";
import { once, parseOnce } from "./file.js";
import { characterTokens } from "./vocabulary.js";

/** A text as tokens, both splits by the same tokenizer. */
export interface TextTokens {
  readonly train: Int32Array;
  readonly test: Int32Array;
  readonly tokenizer: Tokenizer;
  /** By id. */
  readonly tokens: readonly string[];
  /** What a token is called in messages, plural. */
  readonly noun: string;
}

/** How a text becomes tokens: options of every text. */
interface TokenOptions {
  readonly tokenizer: string;
  readonly vocab: number;
  readonly testFraction: number;
}

/** The tokens of a text's two splits, which part after `1 - testFraction` of the characters. @throws UserError when the tokenizer cannot be had. */
export async function textTokens(content: string, options: TokenOptions): Promise<TextTokens> {
  if (options.tokenizer === "characters") return asCharacters(content, options.testFraction);
  const [train, test] = partOf(content, options.testFraction);
  const json =
    options.tokenizer === "bpe"
      ? await learn(train, options.vocab)
      : (
          await parseOnce(options.tokenizer, "tokenizer", ({ path, bytes }) =>
            parseTokenizerJson(new TextDecoder().decode(bytes), path),
          )
        ).content;
  const tokenizer = await createTokenizer(json);
  return {
    train: tokenizer.encode(train),
    test: tokenizer.encode(test),
    tokenizer,
    tokens: tokensOf(json),
    noun: "tokens",
  };
}

function asCharacters(content: string, testFraction: number): TextTokens {
  const { ids, tokens } = characterTokens(content);
  const trainLength = Math.round(ids.length * (1 - testFraction));
  return {
    train: ids.subarray(0, trainLength),
    test: ids.subarray(trainLength),
    tokens,
    tokenizer: pieces("character", { tokens }),
    noun: "characters",
  };
}

/** Cuts between characters, so that the test split is the same text whatever a token is. */
function partOf(content: string, testFraction: number): [train: string, test: string] {
  const characters = Array.from(content);
  const trainLength = Math.round(characters.length * (1 - testFraction));
  return [characters.slice(0, trainLength).join(""), characters.slice(trainLength).join("")];
}

/** Byte pairs of the training split: the test split has no say. */
function learn(train: string, vocabSize: number): Promise<TokenizerJson> {
  const hash = createHash("sha256").update(train).digest("hex");
  return once(`bpe\0${vocabSize}\0${hash}`, async () => trainBpe(train, { vocabSize }));
}
