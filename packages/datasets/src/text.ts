import { basename } from "node:path";
import type { Dataset, DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { parseOnce, type SourceFile } from "./file.js";
import { refusal } from "./refusal.js";
import { tokenSplit } from "./split.js";
import { type CharacterTokens, characterTokens } from "./vocabulary.js";

/** Options of every text. */
export const textOptions = z.object({
  blockSize: z
    .int()
    .positive()
    .default(128)
    .describe("the number of characters predicted of one example, a positive integer"),
  testFraction: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.1)
    .describe("the share of the text held out at its end as test split, between 0 and 1"),
});

export type TextOptions = z.input<typeof textOptions>;

/** `text:PATH`: a text file, one token a character. */
export const textFactory = defineDataset({
  name: "text",
  summary: "a UTF-8 text file, one token a character",
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

/** A UTF-8 text file as characters: the first 90 % train, the rest tests. */
export function text(path: string, options: TextOptions = {}): DatasetSource {
  return sourceOf(textFactory, options, path);
}

/**
 * Makes a data set of a text. The split is by position: the end of the text is the test split. An example is a window of `blockSize + 1`
 * characters, the first of which is given: anywhere in training, and one after the other in the test split, so that each character counts once.
 *
 * @throws UserError when a split is not longer than `blockSize`.
 */
export function textDataset(
  { ids, tokens }: CharacterTokens,
  { blockSize, testFraction }: z.output<typeof textOptions>,
  about: Pick<Dataset, "name" | "title" | "licence" | "source" | "files">,
): Dataset {
  const trainLength = Math.round(ids.length * (1 - testFraction));
  const shorter = Math.min(trainLength, ids.length - trainLength);
  if (shorter <= blockSize) {
    throw refusal(
      `blockSize=${blockSize} needs a split longer than that, those of ${about.name} are ${trainLength} characters (train) and ${ids.length - trainLength} (test); lower it`,
    );
  }
  return {
    ...about,
    datum: { kind: "tokens", shape: [blockSize + 1], vocabulary: tokens.length, context: 1 },
    tokens,
    splits: {
      train: tokenSplit(ids.subarray(0, trainLength), blockSize + 1, 1),
      test: tokenSplit(ids.subarray(trainLength), blockSize + 1, blockSize),
    },
  };
}

/** Decodes and numbers the characters of a text file. @throws UserError when it is empty or not UTF-8. */
export function parseText({ path, bytes }: SourceFile): CharacterTokens {
  if (bytes.length === 0) throw refusal(`${path} is empty; give a text`);
  try {
    return characterTokens(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw refusal(`${path} is not UTF-8 text; convert it, e.g. with iconv -t utf-8`, error);
  }
}
