import { engine, scalar, type Tensor, type Tensor1D, tensor1d } from "@tensorflow/tfjs-core";
import { foldWord, hashName, hostKey } from "./host-key.js";
import "./kernels.js";

/**
 * A random key: an `int32[2]` tensor holding the two 32-bit key words of Philox4x32-10 (Salmon et al., 2011, §3.3).
 * Functions that draw take a key and always give the same numbers for the same key; derive a new key for every use with {@link fold}.
 */
export type Key = Tensor1D;

/**
 * The key of a seed, for code that runs outside a program; inside one it is a constant.
 *
 * @throws UserError when the seed is not a safe integer.
 */
export function seedKey(seed: number): Key {
  return tensor1d(hostKey(seed), "int32");
}

/**
 * Derives a key. Names and integers tell uses apart: `fold(key, "dropout", layer)`.
 *
 * @param data Strings, 32-bit integers, or int32 scalars known only when the program runs (a step number).
 * @throws UserError when a number is not a 32-bit integer or a tensor is not an int32 scalar.
 */
export function fold(key: Key, ...data: readonly (string | number | Tensor)[]): Key {
  return data.reduce<Key>((words, item) => {
    const tensor = typeof item === "object" ? item : scalar(foldWord(item), "int32");
    return engine().runKernel("PhiloxFold", { key: words, data: tensor }, {}) as Key;
  }, key);
}

/** `n` keys, independent of each other and of `key`: `fold(key, i)` for i from 0. */
export function split(key: Key, n = 2): Key[] {
  return Array.from({ length: n }, (_, i) => fold(key, i));
}

export { hashName };
