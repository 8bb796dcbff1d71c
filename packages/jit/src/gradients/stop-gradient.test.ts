import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { stopGradient } from "./index.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("stopGradient", () => {
  it("keeps values and shape", async () => {
    const x = tf.tensor2d([[1, -2, 3]]);
    expect(stopGradient(x).shape).toEqual([1, 3]);
    expect(await stopGradient(x).data()).toEqual(new Float32Array([1, -2, 3]));
  });

  it("lets no gradient through, to any order", async () => {
    const x = tf.tensor1d([2, 3]);
    const first = tf.grad((t) => tf.sum(tf.mul(t, stopGradient(tf.square(t)))));
    expect(await first(x).data()).toEqual(new Float32Array([4, 9]));
    const second = tf.grad((t) => tf.sum(tf.mul(first(t), t)));
    expect(await second(x).data()).toEqual(new Float32Array([4, 9]));
  });
});

describe("what has no gradient says so", () => {
  it("a dilated convolution of channels-first data", () => {
    const filter = tf.ones<tf.Rank.R4>([2, 2, 1, 1]);
    const loss = (x: tf.Tensor) => tf.sum(tf.conv2d(x as tf.Tensor4D, filter, 1, "valid", "NCHW", 2));
    expect(() => tf.grad(loss)(tf.ones([1, 1, 5, 5]))).toThrow("needs 2-D images of NHWC data");
  });

  it("padded avgPool3d", () => {
    const loss = (x: tf.Tensor) => tf.sum(tf.avgPool3d(x as tf.Tensor5D, 2, 2, "same"));
    expect(() => tf.grad(loss)(tf.ones([1, 3, 3, 3, 1]))).toThrow('needs pad "valid"');
  });
});

describe("ties", () => {
  it("the gradient of maxPool goes to the first maximum of a window", async () => {
    const x = tf.tensor4d([1, 1, 1, 1], [1, 2, 2, 1]);
    expect(
      await tf
        .grad((t) => tf.maxPool(t as tf.Tensor4D, 2, 2, "valid"))(x)
        .data(),
    ).toEqual(new Float32Array([1, 0, 0, 0]));
    const twice = tf.grad((dy) => {
      const pooled = tf.grad((t) => tf.maxPool(t as tf.Tensor4D, 2, 2, "valid"));
      return tf.sum(tf.mul(pooled(x, dy), tf.tensor4d([5, 6, 7, 8], [1, 2, 2, 1])));
    });
    expect(await twice(tf.ones([1, 1, 1, 1])).data()).toEqual(new Float32Array([5]));
  });
});
