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
  return splitOfPlace(placeOfWord(word));
}

function splitOfPlace(u: number): SplitName {
  if (u < 0.1) return "test";
  return u < 0.12 ? "valid" : "train";
}

/** Pairs in the splits of their sources, in the order of the sources' places, so that the first few of a split are a fair sample of it. */
export function splitByWord<T extends { readonly source: string }>(pairs: readonly T[]): Record<SplitName, T[]> {
  const placed = pairs.map((pair) => ({ pair, place: placeOfWord(pair.source) })).sort((a, b) => a.place - b.place);
  const of = (name: SplitName) => placed.filter(({ place }) => splitOfPlace(place) === name).map(({ pair }) => pair);
  return { train: of("train"), test: of("test"), valid: of("valid") };
}
