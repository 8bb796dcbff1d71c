import { basename, extname } from "node:path";
import { createTokenizer, type DatasetSource, hostKey, philoxPermutation, tokensOf, trainBpe } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { fileHashes, parseOnce } from "./file.js";
import { heldOutOptions } from "./held-out.js";
import { type PairRow, readPairRows } from "./pair-rows.js";
import { refusal } from "./refusal.js";
import {
  PAIR_TOKENS,
  type PairTokenizers,
  pieceTokenizers,
  type TextPair,
  type TextPairSplits,
  textPairDataset,
} from "./text-pairs.js";

const length = z.int().positive().optional();

const options = z.object({
  source: z.string().optional().describe("the column of the sources: its name or number from 0; absent: the first"),
  target: z.string().optional().describe("the column of the targets: its name or number from 0; absent: the second"),
  header: z
    .boolean()
    .optional()
    .describe(
      "whether the first line of TSV or CSV holds column names: true or false; absent: it does when source or target is a name",
    ),
  sourceTokens: z
    .enum(["characters", "words"])
    .default("characters")
    .describe("what a token of a source is: characters or words"),
  targetTokens: z
    .enum(["characters", "words", "class"])
    .default("characters")
    .describe("what a token of a target is: characters, words, or class, where the whole text is one token"),
  tokenizer: z
    .enum(["pieces", "bpe"])
    .default("pieces")
    .describe("pieces goes by sourceTokens and targetTokens; bpe learns byte pairs of both columns together"),
  vocab: z.int().min(260).default(4096).describe("the number of tokens that bpe learns, an integer from 260"),
  maxSource: length.describe("the longest source in tokens, longer pairs are left out; absent: the longest there is"),
  maxTarget: length.describe("the longest target in tokens, longer pairs are left out; absent: the longest there is"),
  test: z.string().optional().describe("the path of a file with the test pairs; absent: testFraction of the sources"),
  ...heldOutOptions,
});

export type PairsOptions = z.input<typeof options>;

/** `pairs:FILE`: text to text, or text to class, from TSV, CSV or JSON lines. */
export const pairsFactory = defineDataset({
  name: "pairs",
  summary: "sources and targets from two columns of a TSV, CSV or JSONL file: translation, text to class",
  argument: "FILE",
  options,
  read: async ({ name, argument, seed, options }) => {
    const read = (path: string) =>
      parseOnce(path, `pairs ${JSON.stringify([options.source, options.target, options.header])}`, (file) =>
        readPairRows(file, extname(path).toLowerCase(), options),
      );
    const file = await read(argument);
    const tests = options.test === undefined ? undefined : await read(options.test);
    const splits =
      tests === undefined
        ? splitBySource(argument, file.content, options.splitSeed ?? seed, options.testFraction)
        : { train: bySource(file.content), test: bySource(tests.content) };
    const tokenizers =
      options.tokenizer === "bpe"
        ? await bytePairs(splits, options.vocab)
        : pieceTokenizers(splits, options.sourceTokens, options.targetTokens);
    return textPairDataset(splits, tokenizers, options, {
      name,
      title: `pairs of ${basename(argument)}`,
      licence: "unknown",
      source: argument,
      files: fileHashes([file, ...(tests ? [tests] : [])]),
      targetNouns: { token: options.targetTokens === "class" ? "class" : "token", whole: "target" },
    });
  },
});

/**
 * Pairs of texts from two columns of a file: a sequence-to-sequence task, or classification with `targetTokens: "class"`.
 * Lines with the same source are one example with several right answers, and go to one split.
 */
export function pairs(file: string, options: PairsOptions = {}): DatasetSource {
  return sourceOf(pairsFactory, options, file);
}

/** Rows with one source become one pair; a target that is given twice counts once. */
function bySource(rows: readonly PairRow[]): TextPair[] {
  const targets = new Map<string, string[]>();
  for (const { source, target } of rows) {
    const known = targets.get(source);
    if (known === undefined) targets.set(source, [target]);
    else if (!known.includes(target)) known.push(target);
  }
  return Array.from(targets, ([source, all]) => ({ source, targets: all }));
}

/** Splits the different sources at random: the first of a keyed permutation are the test split. */
function splitBySource(path: string, rows: readonly PairRow[], seed: number, testFraction: number): TextPairSplits {
  const pairs = bySource(rows);
  if (pairs.length < 2)
    throw refusal(`${path} has ${pairs.length} different source; at least 2 are needed, one to train and one to test`);
  const order = philoxPermutation(hostKey(seed, "split"), pairs.length);
  const testSize = Math.min(pairs.length - 1, Math.max(1, Math.round(pairs.length * testFraction)));
  const take = (indices: Int32Array) => Array.from(indices, (i) => pairs[i] as TextPair);
  return { test: take(order.slice(0, testSize)), train: take(order.slice(testSize)) };
}

/** One vocabulary of both columns, learned from the training pairs. */
async function bytePairs({ train }: TextPairSplits, vocabSize: number): Promise<PairTokenizers> {
  const text = train.flatMap(({ source, targets }) => [source, ...targets]).join("\n");
  const json = trainBpe(text, { vocabSize, special: PAIR_TOKENS });
  const tokenizer = await createTokenizer(json);
  return { source: tokenizer, target: tokenizer, tokens: tokensOf(json) };
}
