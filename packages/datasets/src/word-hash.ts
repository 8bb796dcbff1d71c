import { createHash } from "node:crypto";

/** Where an example goes. */
export type SplitName = "train" | "test" | "valid";

/** A word's place in [0, 1): the first 4 bytes of the sha256 of its UTF-8 as a big-endian number, divided by 2^32. */
function placeOfWord(word: string): number {
  return createHash("sha256").update(word, "utf8").digest().readUInt32BE(0) / 2 ** 32;
}

/**
 * The split of a word, decided by the word alone: with `u` its {@link placeOfWord}, it is `test` for u < 0.1, `valid` for u < 0.12, else
 * `train`. Nobody needs our list to repeat it, and no word is in two splits.
 */
export function splitOfWord(word: string): SplitName {
  const u = placeOfWord(word);
  if (u < 0.1) return "test";
  return u < 0.12 ? "valid" : "train";
}

/** Orders examples by the places of their words, so that the first few of a split are a fair sample of it. */
export function byPlace<T extends { readonly source: string }>(pairs: readonly T[]): T[] {
  const placed = pairs.map((pair) => ({ pair, place: placeOfWord(pair.source) }));
  return placed.sort((a, b) => a.place - b.place).map(({ pair }) => pair);
}
