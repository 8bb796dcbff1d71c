import { createHash } from "node:crypto";

/** Where an example goes. */
export type SplitName = "train" | "test" | "valid";

/**
 * The split of a word, decided by the word alone: with `u` the first 4 bytes of the sha256 of its UTF-8 as a big-endian number, divided
 * by 2^32, it is `test` for u < 0.1, `valid` for u < 0.12, else `train`. Nobody needs our list to repeat it, and no word is in two splits.
 */
export function splitOfWord(word: string): SplitName {
  const u = createHash("sha256").update(word, "utf8").digest().readUInt32BE(0) / 2 ** 32;
  if (u < 0.1) return "test";
  return u < 0.12 ? "valid" : "train";
}
