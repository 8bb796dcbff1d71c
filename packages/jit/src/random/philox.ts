import { UserError } from "../errors.js";
import { encrypt, type Fill, fillJs, type Words } from "./philox-js.js";
import { createFillSimd } from "./philox-simd.js";

let fastest: Fill | undefined;

/** The fastest way to generate on this machine; all ways give the same bits. */
const fill: Fill = (distribution, key, out) => {
  fastest ??= createFillSimd() ?? fillJs;
  fastest(distribution, key, out);
};

/** `fold` in ASCII: the counter word that keeps derived keys apart from drawn numbers, whose last counter word is 0. */
const FOLD = 0x666f6c64;

/**
 * Philox4x32-10, a keyed bijection of 128-bit counters.
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, §3.3. https://doi.org/10.1145/2063384.2063405
 *
 * @param counter Four 32-bit words.
 * @param key Two 32-bit words.
 * @returns Four random words, as signed integers.
 */
export function philox4x32(counter: Words, key: Words): Int32Array {
  const out = new Int32Array(4);
  const [c0, c1, c2, c3] = Int32Array.from(counter) as unknown as [number, number, number, number];
  encrypt(c0, c1, c2, c3, key, out, 0);
  return out;
}

/**
 * The two words of a run's key from its seed, low word first; different seeds give different keys.
 *
 * @throws UserError when the seed is not a safe integer.
 */
export function keyWords(seed: number): Int32Array {
  if (!Number.isSafeInteger(seed)) {
    throw new UserError(
      "@latentkit/jit",
      `seed must be an integer between -(2^53 - 1) and 2^53 - 1, got ${seed}; choose e.g. 0`,
    );
  }
  return Int32Array.of((seed % 2 ** 32) | 0, Math.floor(seed / 2 ** 32));
}

/** Derives a key from a key and one 32-bit integer: the first two words of the block with counter `[data, 0, 0, "fold"]`. */
export function foldWords(key: Words, data: number): Int32Array {
  const block = new Int32Array(4);
  encrypt(data | 0, 0, 0, FOLD, key, block, 0);
  return block.slice(0, 2);
}

/**
 * Random 32-bit words: element `j` is word `j & 3` of the block with counter `[j >> 2, 0, 0, 0]`.
 *
 * @param out Where to write them; a new array when absent.
 */
export function philoxBits(key: Words, n: number, out: Int32Array = new Int32Array(n)): Int32Array {
  fill("bits", key, out);
  return out;
}

/** Uniform numbers in [0, 1), multiples of `2^-24`: `(word >>> 8) * 2^-24` of the words of `philoxBits`. */
export function philoxUniform(key: Words, n: number, out: Float32Array = new Float32Array(n)): Float32Array {
  fill("uniform", key, out);
  return out;
}

/**
 * Standard normals from consecutive pairs `a, b` of the words of `philoxBits`, by Box and Muller (1958):
 * `sqrt(-2 ln u1) cos(2 pi u2)` and `sqrt(-2 ln u1) sin(2 pi u2)` with `u1 = ((a >>> 8) + 1) * 2^-24`, `u2 = (b >>> 8) * 2^-24`.
 * The largest possible magnitude is `sqrt(48 ln 2)`, 5.77. https://doi.org/10.1214/aoms/1177706645
 */
export function philoxNormal(key: Words, n: number, out: Float32Array = new Float32Array(n)): Float32Array {
  fill("normal", key, out);
  return out;
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** A permutation of 0 … n - 1: the stable ascending argsort of `word >>> 1` over the words of `philoxBits`. */
export function philoxPermutation(key: Words, n: number): Int32Array {
  let from: Keyed = { keys: philoxBits(key, n), order: new Int32Array(n) };
  let to: Keyed = { keys: new Int32Array(n), order: new Int32Array(n) };
  for (let i = 0; i < n; i++) from.order[i] = i;
  for (let shift = 1; shift < 32; shift += DIGIT_BITS) {
    sortByDigit(shift, from, to);
    [from, to] = [to, from];
  }
  return from.order;
}

/** Sort keys, and which element each belongs to. */
interface Keyed {
  readonly keys: Int32Array;
  readonly order: Int32Array;
}

/** One stable counting pass of a radix sort: `to` is `from`, ordered by the 11 bits of the keys that begin at bit `shift`. */
function sortByDigit(shift: number, from: Keyed, to: Keyed): void {
  const next = new Int32Array(DIGITS + 1);
  const { keys, order } = from;
  for (let i = 0; i < keys.length; i++) {
    const d = ((keys[i] as number) >>> shift) & (DIGITS - 1);
    next[d + 1] = (next[d + 1] as number) + 1;
  }
  for (let d = 1; d <= DIGITS; d++) next[d] = (next[d] as number) + (next[d - 1] as number);
  for (let i = 0; i < keys.length; i++) {
    const sortKey = keys[i] as number;
    const d = (sortKey >>> shift) & (DIGITS - 1);
    const at = next[d] as number;
    next[d] = at + 1;
    to.keys[at] = sortKey;
    to.order[at] = order[i] as number;
  }
}
