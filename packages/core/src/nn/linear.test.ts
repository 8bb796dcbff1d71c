import { flatten, type Key } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { dropout } from "./dropout.js";
import { embedding, embeddingInit, sinusoidalEmbedding, sinusoidalPositions } from "./embedding.js";
import { torchUniform } from "./init.js";
import { linear, linearInit, mlp, mlpInit, residual } from "./linear.js";

const key = (a: number): Key => tf.tensor1d([a, 3], "int32");
const numbers = (t: tf.Tensor) => [...t.dataSync()];
const close = (values: readonly number[], digits = 5) => values.map((v) => expect.closeTo(v, digits));

describe("linear", () => {
  const params = {
    kernel: tf.tensor2d([
      [1, 2, 3],
      [4, 5, 6],
    ]),
    bias: tf.tensor1d([10, 20, 30]),
  };

  it("is x kernel + bias on the last axis of any rank", () => {
    expect(
      numbers(
        linear(
          params,
          tf.tensor2d([
            [1, 1],
            [0, 2],
          ]),
        ),
      ),
    ).toEqual([15, 27, 39, 18, 30, 42]);
    const deep = linear(params, tf.tensor([1, 1, 0, 2], [1, 2, 1, 2]));
    expect(deep.shape).toEqual([1, 2, 1, 3]);
    expect(numbers(deep)).toEqual([15, 27, 39, 18, 30, 42]);
    expect(linear(params, tf.tensor1d([1, 1])).shape).toEqual([3]);
    expect(numbers(linear({ kernel: params.kernel }, tf.tensor2d([[1, 1]])))).toEqual([5, 7, 9]);
  });

  it("begins with a Glorot kernel and a zero bias, or as asked", () => {
    const plain = linearInit(key(1), 4, 3);
    expect(plain.kernel.shape).toEqual([4, 3]);
    expect(numbers(plain.bias as tf.Tensor)).toEqual([0, 0, 0]);
    expect(Object.keys(linearInit(key(1), 4, 3, { bias: false }))).toEqual(["kernel"]);
    const torch = linearInit(key(1), 4, 100, { kernelInit: torchUniform, biasInit: torchUniform });
    expect(Math.max(...numbers(torch.bias as tf.Tensor).map(Math.abs))).toBeGreaterThan(0.4);
    expect(Math.max(...numbers(torch.bias as tf.Tensor).map(Math.abs))).toBeLessThanOrEqual(0.5);
  });
});

describe("mlp", () => {
  it("has no activation after the last layer", () => {
    const params = {
      layer0: { kernel: tf.tensor2d([[1, -1]]), bias: tf.tensor1d([0, 0]) },
      layer1: { kernel: tf.tensor2d([[1], [-3]]), bias: tf.tensor1d([0.5]) },
    };
    expect(numbers(mlp(params, tf.tensor2d([[2], [-2]])))).toEqual([2.5, -5.5]);
  });

  it("keeps its order with ten layers and more, and gradients reach every parameter", () => {
    const params = mlpInit(
      key(2),
      Array.from({ length: 13 }, (_, i) => i + 2),
    );
    const leaves = flatten(params as never) as [string, tf.Tensor][];
    expect(leaves.map(([path]) => path)).toContain("layer11.kernel");
    const x = tf.ones([4, 2]);
    const { grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
      const byPath = new Map(leaves.map(([path], i) => [path, tensors[i] as tf.Tensor]));
      const rebuilt = Object.fromEntries(
        Object.keys(params).map((name) => [
          name,
          { kernel: byPath.get(`${name}.kernel`), bias: byPath.get(`${name}.bias`) },
        ]),
      );
      return tf.sum(mlp(rebuilt as never, x, tf.tanh)) as tf.Scalar;
    })(leaves.map(([, t]) => t));
    for (const g of grads) expect(numbers(g).some((v) => v !== 0)).toBe(true);
  });

  it("residual adds its input", () => {
    expect(numbers(residual(tf.tensor1d([1, 2]), (x) => tf.mul(x, 10)))).toEqual([11, 22]);
  });
});

describe("embedding", () => {
  it("gathers rows for ids of any rank; rows used twice get both gradients", () => {
    const params = {
      embedding: tf.tensor2d([
        [0, 1],
        [2, 3],
        [4, 5],
      ]),
    };
    const ids = tf.tensor2d(
      [
        [2, 0],
        [2, 1],
      ],
      [2, 2],
      "int32",
    );
    const y = embedding(params, ids);
    expect(y.shape).toEqual([2, 2, 2]);
    expect(numbers(y)).toEqual([4, 5, 0, 1, 4, 5, 2, 3]);
    const gradient = tf.grad((e: tf.Tensor) => tf.sum(embedding({ embedding: e }, ids)))(params.embedding);
    expect(numbers(gradient)).toEqual([1, 1, 1, 1, 2, 2]);
    expect(embeddingInit(key(1), 7, 3).embedding.shape).toEqual([7, 3]);
  });

  it("sinusoids against the formula, even and odd widths", () => {
    const y = sinusoidalEmbedding(tf.tensor1d([0, 3, 500], "int32"), 6);
    const expected = [0, 3, 500].flatMap((t) => {
      const angles = [0, 1, 2].map((i) => t * 10000 ** (-i / 3));
      return [...angles.map(Math.sin), ...angles.map(Math.cos)];
    });
    expect(y.shape).toEqual([3, 6]);
    expect(numbers(y)).toEqual(close(expected, 4));
    const odd = sinusoidalPositions(2, 3);
    expect(odd.shape).toEqual([2, 3]);
    expect(numbers(odd)).toEqual(close([0, 1, 0, Math.sin(1), Math.cos(1), 0]));
  });
});

describe("dropout", () => {
  it("zeroes the share asked for and keeps the mean", () => {
    const y = numbers(dropout(key(5), tf.ones([10000]), 0.3));
    const dropped = y.filter((v) => v === 0).length / 10000;
    expect(Math.abs(dropped - 0.3)).toBeLessThan(0.023); // 5 standard errors
    expect(new Set(y)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
  });

  it("is a function of the key, passes x at test time, and its gradient uses the same mask", () => {
    const x = tf.ones([64]);
    expect(numbers(dropout(key(1), x, 0.5))).toEqual(numbers(dropout(key(1), x, 0.5)));
    expect(numbers(dropout(key(1), x, 0.5))).not.toEqual(numbers(dropout(key(2), x, 0.5)));
    expect(dropout(undefined, x, 0.5)).toBe(x);
    expect(dropout(key(1), x, 0)).toBe(x);
    expect(numbers(tf.grad((t: tf.Tensor) => tf.sum(dropout(key(1), t, 0.5)))(x))).toEqual(
      numbers(dropout(key(1), x, 0.5)),
    );
    expect(() => dropout(key(1), x, 1)).toThrow("dropout rate must be at least 0 and below 1, got 1");
  });
});
