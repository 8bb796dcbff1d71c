/**
 * Byte-level byte-pair encoding, trained.
 * Sennrich, Haddow and Birch, 2016, §3.2, https://arxiv.org/abs/1508.07909; on bytes: Radford et al., 2019, §2.2.
 *
 * Ids and ties as in Hugging Face's trainer, so that both learn the same merges from the same text.
 */
import { UserError } from "@latentkit/jit";
import { BYTE_CHARACTERS, splitWords, toByteCharacters } from "./byte-level.js";
import { PairQueue } from "./pair-queue.js";
import type { BpeModelJson, TokenizerJson } from "./tokenizer-json.js";

/** Options of {@link trainBpe}. */
export interface BpeOptions {
  /** Tokens to end up with: the special ones, 256 bytes, and as many merges as are left. */
  readonly vocabSize: number;
  /** Tokens that are no part of any text, e.g. `<|endoftext|>`; they get the first ids. */
  readonly special?: readonly string[];
}

/** A word as symbols, and how often the text has it. */
interface Word {
  symbols: number[];
  readonly count: number;
}

/**
 * Learns a byte-level BPE tokenizer from a text. Counts of pairs are kept up to date merge by merge, so the time goes with the
 * words that each merge changes.
 *
 * @throws UserError when the vocabulary has no room for the bytes, or the text runs out of pairs to merge.
 */
export function trainBpe(text: string, { vocabSize, special = [] }: BpeOptions): TokenizerJson {
  const tokens = [...special, ...[...BYTE_CHARACTERS].sort()];
  if (!Number.isInteger(vocabSize) || vocabSize < tokens.length) {
    throw new UserError(
      "@latentkit/core",
      `a byte-level vocabulary needs at least ${tokens.length} tokens (256 bytes${special.length > 0 ? ` and ${special.length} special ones` : ""}), got ${vocabSize}`,
    );
  }
  const pairs = new PairTable(wordsOf(text, tokens));
  const merges: [string, string][] = [];
  while (tokens.length < vocabSize) {
    const best = pairs.mostFrequent();
    if (best === undefined) {
      throw new UserError(
        "@latentkit/core",
        `the text has only ${tokens.length} tokens to learn, ${vocabSize} were asked for; lower the vocabulary or give more text`,
      );
    }
    const [left, right] = [tokens[best.left] as string, tokens[best.right] as string];
    pairs.merge(best.left, best.right, tokens.length);
    merges.push([left, right]);
    tokens.push(left + right);
  }
  return byteLevelBpe({ tokens, merges, special });
}

/** A byte-level BPE tokenizer as GPT-2's is written. */
export function byteLevelBpe({
  tokens,
  merges,
  special = [],
}: {
  /** By id. */
  readonly tokens: readonly string[];
  /** The most urgent first. */
  readonly merges: BpeModelJson["merges"];
  readonly special?: readonly string[];
}): TokenizerJson {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => ({ id: tokens.indexOf(content), content, ...flags })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

function wordsOf(text: string, tokens: readonly string[]): Word[] {
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const counts = new Map<string, number>();
  for (const word of splitWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Array.from(counts, ([word, count]) => ({
    symbols: Array.from(toByteCharacters(word), (character) => idOf.get(character) as number),
    count,
  }));
}

/** Ids stay below this, so a pair of them is one exact number. */
const MAX_IDS = 2 ** 26;

/** How often each pair occurs, and in which words. */
class PairTable {
  readonly #counts = new Map<number, number>();
  readonly #places = new Map<number, Set<Word>>();
  readonly #queue = new PairQueue();

  constructor(words: readonly Word[]) {
    const touched = new Set<number>();
    for (const word of words) this.#count(word, word.count, touched);
    this.#enqueue(touched);
  }

  /** The pair to merge next. Queued counts that are out of date go back with the right one. */
  mostFrequent(): { left: number; right: number } | undefined {
    for (let top = this.#queue.pop(); top !== undefined; top = this.#queue.pop()) {
      const count = this.#counts.get(top.left * MAX_IDS + top.right) ?? 0;
      if (count === top.count && count > 0) return top;
      if (count > 0) this.#queue.push({ ...top, count });
    }
    return undefined;
  }

  /** Makes one symbol of a pair, from left to right, in every word that has it. */
  merge(left: number, right: number, merged: number): void {
    const pair = left * MAX_IDS + right;
    const touched = new Set<number>();
    for (const word of this.#places.get(pair) ?? []) {
      this.#count(word, -word.count);
      word.symbols = mergeSymbols(word.symbols, left, right, merged);
      this.#count(word, word.count, touched);
    }
    this.#places.delete(pair);
    this.#counts.delete(pair);
    this.#enqueue(touched);
  }

  /** Adds a word's pairs to the counts, or takes them away. @param touched Collects the pairs that were added to. */
  #count(word: Word, amount: number, touched?: Set<number>): void {
    const { symbols } = word;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const pair = (symbols[i] as number) * MAX_IDS + (symbols[i + 1] as number);
      this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + amount);
      if (touched === undefined) continue;
      touched.add(pair);
      const places = this.#places.get(pair);
      if (places === undefined) this.#places.set(pair, new Set([word]));
      else places.add(word);
    }
  }

  #enqueue(touched: ReadonlySet<number>): void {
    for (const pair of touched) {
      const count = this.#counts.get(pair) ?? 0;
      if (count > 0) this.#queue.push({ left: Math.floor(pair / MAX_IDS), right: pair % MAX_IDS, count });
    }
  }
}

function mergeSymbols(symbols: readonly number[], left: number, right: number, merged: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const isPair = symbols[i] === left && symbols[i + 1] === right;
    out.push(isPair ? merged : (symbols[i] as number));
    if (isPair) i++;
  }
  return out;
}
