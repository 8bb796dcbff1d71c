import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { foldWord, hostKey } from "./host-key.js";
import { fold, hashName, type Key, seedKey, split } from "./key.js";
import { foldWords, keyWords } from "./philox.js";

beforeAll(() => tf.setBackend("cpu"));

const words = (key: Key) => [...key.dataSync()];

describe("fold", () => {
  test("folds names by their hash and integers by their value", () => {
    const key = seedKey(3);
    expect(words(key)).toEqual([...keyWords(3)]);
    expect(words(fold(key, 7))).toEqual([...foldWords(keyWords(3), 7)]);
    expect(words(fold(key, "dropout"))).toEqual([...foldWords(keyWords(3), hashName("dropout"))]);
    expect(words(fold(key))).toEqual(words(key));
  });

  test("a tensor folds as the number it holds", () => {
    expect(words(fold(seedKey(3), "step", tf.scalar(41, "int32")))).toEqual(words(fold(seedKey(3), "step", 41)));
  });

  test("order and depth of the path matter", () => {
    const key = seedKey(0);
    const all = [fold(key, 1), fold(key, 2), fold(key, 1, 2), fold(key, 2, 1), fold(key, "1"), fold(key, 0), key];
    expect(new Set(all.map((k) => words(k).join())).size).toBe(all.length);
  });

  test.each([0.5, 2 ** 32, -(2 ** 31) - 1, Number.NaN])("refuses the number %s", (item) => {
    expect(() => fold(seedKey(0), item)).toThrow(UserError);
    expect(() => fold(seedKey(0), item)).toThrow(`got ${item}`);
  });

  test("refuses what is no key, and data that is no int32 scalar, naming both specs", () => {
    expect(() => fold(tf.tensor1d([1, 2, 3], "int32"), 0)).toThrow("key must be int32[2], got int32[3]");
    expect(() => fold(tf.tensor1d([1, 2]), 0)).toThrow("key must be int32[2], got float32[2]");
    expect(() => fold(seedKey(0), tf.scalar(1))).toThrow("must be int32[], got float32[]");
    expect(() => fold(seedKey(0), tf.tensor1d([1], "int32"))).toThrow("must be int32[], got int32[1]");
  });
});

test("split gives the requested number of different keys", () => {
  expect(split(seedKey(1))).toHaveLength(2);
  const keys = split(seedKey(1), 50);
  expect(new Set(keys.map((key) => words(key).join())).size).toBe(50);
  expect(words(keys[7] as Key)).toEqual(words(fold(seedKey(1), 7)));
});

test("hostKey walks the same path as fold", () => {
  expect([...hostKey(12, "batch", 5, -1)]).toEqual(words(fold(seedKey(12), "batch", 5, -1)));
  expect(() => hostKey(1.5)).toThrow(UserError);
});

test("hashName is 32-bit FNV-1a", () => {
  // Known answers of the FNV reference: "", "a", "foobar".
  expect([hashName(""), hashName("a"), hashName("foobar")].map((hash) => hash >>> 0)).toEqual([
    0x811c9dc5, 0xe40c292c, 0xbf9cf968,
  ]);
  expect(foldWord("a") >>> 0).toBe(0xe40c292c);
});
