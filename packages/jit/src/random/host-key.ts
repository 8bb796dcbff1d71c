import { UserError } from "../errors.js";
import { foldWords, keyWords } from "./philox.js";

/**
 * A key on the host: the two words of `seed`, folded with each item of `path`. The same path given to {@link fold} in a program, starting
 * from the key of `seed`, gives the same key.
 *
 * @param path Names and 32-bit integers, e.g. `hostKey(seed, "batch", step)`.
 * @throws UserError when the seed is not a safe integer or an item is not a 32-bit integer.
 */
export function hostKey(seed: number, ...path: readonly (string | number)[]): Int32Array {
  return path.reduce<Int32Array>((key, item) => foldWords(key, foldWord(item)), keyWords(seed));
}

/** The 32-bit word that a name or an integer adds to a key. */
export function foldWord(item: string | number): number {
  if (typeof item === "string") return hashName(item);
  if (Number.isInteger(item) && item >= -(2 ** 31) && item < 2 ** 32) return item | 0;
  throw new UserError(
    "@latentkit/jit",
    `the number folded into a key must be a 32-bit integer, got ${item}; fold a name or two integers`,
  );
}

/** FNV-1a over UTF-16 code units, as a signed 32-bit integer. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash | 0;
}
