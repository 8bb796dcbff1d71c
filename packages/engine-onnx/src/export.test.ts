import { sigmoidCrossEntropy } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession } from "onnxruntime-node";
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
});
