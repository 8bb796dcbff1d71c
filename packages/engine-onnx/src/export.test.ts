import { rmsNorm, scaledDotProductAttention, sigmoidCrossEntropy, silu } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { toOnnx } from "./export.js";

const matrix = (...shape: number[]) => ({ shape, dtype: "float32" as const });

describe("toOnnx", () => {
  test("names trees by their paths", async () => {
    const f = ({ a, b }: { a: tf.Tensor; b: tf.Tensor }, c: tf.Tensor) => ({
      sum: tf.add(a, c),
      loss: sigmoidCrossEntropy(a, b),
    });
    const session = await InferenceSession.create(
      await toOnnx(f as never, [{ a: matrix(3), b: matrix(3) }, matrix(3)] as never),
    );
    expect([...session.inputNames].sort()).toEqual(["x0.a", "x0.b", "x1"]);
    expect([...session.outputNames].sort()).toEqual(["y.loss", "y.sum"]);
    await session.release();
  });

  test("keeps to the operators of the standard", async () => {
    const f = (x: tf.Tensor, scale: tf.Tensor) => {
      const y = silu(rmsNorm(x, scale));
      return scaledDotProductAttention(y, y, tf.matMul(y, tf.matMul(y, y, true, false)));
    };
    const bytes = await toOnnx(f, [matrix(1, 2, 3, 4), matrix(4)]);
    expect(new TextDecoder("latin1").decode(bytes)).not.toMatch(/com\.microsoft|SimplifiedLayer/);
    const session = await InferenceSession.create(bytes);
    const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const feeds = {
      x0: new Tensor("float32", x, [1, 2, 3, 4]),
      x1: new Tensor("float32", Float32Array.of(1, 2, 3, 4), [4]),
    };
    const { y } = (await session.run(feeds)) as { y: Tensor };
    const expected = f(tf.tensor4d(x, [1, 2, 3, 4]), tf.tensor1d([1, 2, 3, 4])).dataSync();
    expected.forEach((value, i) => {
      expect((y.data as Float32Array)[i]).toBeCloseTo(value, 3);
    });
    await session.release();
  });
});
