import { basename } from "node:path";
import type { Dataset, DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { decodeText, parseOnce, type SourceFile } from "./file.js";
import { refusal } from "./refusal.js";
import { tokenSplit } from "./split.js";
import { textTokens } from "./text-tokens.js";

/** Options of every text. */
export const textOptions = z.object({
  blockSize: z
    .int()
    .positive()
    .default(128)
    .describe("the number of tokens predicted of one example, a positive integer"),
  testFraction: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.1)
    .describe("the share of the text held out at its end as test split, between 0 and 1"),
  tokenizer: z
    .string()
    .min(1)
    .default("characters")
    .describe(
      "what a token is: characters, bpe (byte pairs, learned from the training split) or the path of a tokenizer.json",
    ),
  vocab: z.int().min(257).default(1024).describe("the number of tokens that bpe learns, an integer from 257"),
});

export type TextOptions = z.input<typeof textOptions>;

/** `text:PATH`: a text file, one token a character, or a few characters. */
export const textFactory = defineDataset({
  name: "text",
  summary: "a UTF-8 text file as characters, byte pairs, or by a tokenizer.json",
  argument: "PATH",
  options: textOptions,
  read: async ({ name, argument, options }) => {
    const file = await parseOnce(argument, "text", parseText);
    return textDataset(file.content, options, {
      name,
      title: `text ${basename(argument)}`,
      licence: "unknown",
      source: argument,
      files: { [basename(argument)]: file.sha256 },
    });
  },
});

/** A UTF-8 text file as tokens: the first 90 % train, the rest tests. */
export function text(path: string, options: TextOptions = {}): DatasetSource {
  return sourceOf(textFactory, options, path);
}

/**
 * Makes a data set of a text. The split is by position: the end of the text is the test split. An example is a window of `blockSize + 1`
 * tokens, the first of which is given: anywhere in training, and one after the other in the test split, so that each token counts once.
 *
 * @throws UserError when a split is not longer than `blockSize`, or the tokenizer cannot be had.
 */
export async function textDataset(
  content: string,
  options: z.output<typeof textOptions>,
  about: Pick<Dataset, "name" | "title" | "licence" | "source" | "files">,
): Promise<Dataset> {
  const { blockSize } = options;
  const { train, test, tokenizer, tokens, noun } = await textTokens(content, options);
  if (Math.min(train.length, test.length) <= blockSize) {
    throw refusal(
      `blockSize=${blockSize} needs a split longer than that, those of ${about.name} are ${train.length} ${noun} (train) and ${test.length} (test); lower it`,
    );
  }
  return {
    ...about,
    datum: { kind: "tokens", shape: [blockSize + 1], vocabulary: tokens.length, context: 1 },
    tokens,
    tokenizer,
    splits: {
      train: tokenSplit(train, blockSize + 1, 1),
      test: tokenSplit(test, blockSize + 1, blockSize),
    },
  };
}

/** Decodes a text file. @throws UserError when it is empty or not UTF-8. */
export function parseText(file: SourceFile): string {
  if (file.bytes.length === 0) throw refusal(`${file.path} is empty; give a text`);
  return decodeText(file);
}
