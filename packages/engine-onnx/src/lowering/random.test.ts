import {
  fold,
  hostKey,
  type Key,
  normal,
  permutation,
  philoxBits,
  philoxNormal,
  philoxPermutation,
  philoxUniform,
  randomInteger,
  uniform,
} from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { toOnnx } from "../export.js";

const KEYS = [hostKey(0), hostKey(2 ** 45 + 3, "train", 7), Int32Array.of(-1, -2147483648)];

/** Draws inside an exported model, where no host helps. */
async function draw(f: (key: Key) => Tensor, key: Int32Array): Promise<ArrayLike<number>> {
  const session = await InferenceSession.create(
    await toOnnx((k: Tensor) => f(k as Key), [{ shape: [2], dtype: "int32" }]),
  );
  const { y } = await session.run({ x0: new OrtTensor("int32", key, [2]) });
  await session.release();
  return y?.data as ArrayLike<number>;
}

describe.each(KEYS.map((key) => [String(key), key] as const))("key %s", (_, key) => {
  test("uniform numbers, bit for bit", async () => {
    expect(await draw((k) => uniform(k, [3, 67]), key)).toEqual(philoxUniform(key, 201));
  });

  test("normal numbers to 1e-5", async () => {
    const drawn = await draw((k) => normal(k, [20_001]), key);
    const expected = philoxNormal(key, 20_001);
    expect(Math.max(...expected.map((value, i) => Math.abs(value - (drawn[i] as number))))).toBeLessThan(1e-5);
  });

  test("permutations, bit for bit", async () => {
    expect(await draw((k) => permutation(k, 1000), key)).toEqual(philoxPermutation(key, 1000));
  });

  test("words and folded keys, bit for bit", async () => {
    const words = await draw((k) => randomInteger(fold(k, "a", -5), [30], 0, 2 ** 31 - 1), key);
    const folded = (await draw((k) => fold(k, "a", -5), key)) as Int32Array;
    expect(words).toEqual(
      philoxBits(folded, 30).map((word) => ((word % (2 ** 31 - 1)) + (2 ** 31 - 1)) % (2 ** 31 - 1)),
    );
  });
});
