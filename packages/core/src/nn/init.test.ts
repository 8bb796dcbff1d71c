import type { Key } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  normalInit,
  ones,
  orthogonal,
  torchUniform,
  truncatedNormalInit,
  uniformInit,
  zeros,
} from "./init.js";

const key = (a: number): Key => tf.tensor1d([a, 3], "int32");
const numbers = (t: tf.Tensor) => [...t.dataSync()];
const fans = { in: 50, out: 200 };

describe("initializers", () => {
  it.each<[string, Initializer, number, number]>([
    ["glorotUniform", glorotUniform, Math.sqrt(2 / 250), Math.sqrt(6 / 250)],
    ["glorotNormal", glorotNormal, Math.sqrt(2 / 250), Infinity],
    ["heUniform", heUniform, Math.sqrt(2 / 50), Math.sqrt(6 / 50)],
    ["heNormal", heNormal, Math.sqrt(2 / 50), Infinity],
    ["torchUniform", torchUniform, 1 / Math.sqrt(150), 1 / Math.sqrt(50)],
    ["normalInit", normalInit(0.02), 0.02, Infinity],
    ["uniformInit", uniformInit(0.3), 0.3 / Math.sqrt(3), 0.3],
    ["truncatedNormalInit", truncatedNormalInit(0.5), 0.5 * 0.8796, 1],
  ])("%s has its mean, deviation and limit", (_name, init, deviation, limit) => {
    const x = init(key(1), [50, 200], fans);
    const values = numbers(x);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const std = Math.sqrt(values.reduce((a, b) => a + b * b, 0) / values.length);
    expect(x.shape).toEqual([50, 200]);
    expect(Math.abs(mean)).toBeLessThan((5 * deviation) / 100); // 5 standard errors
    expect(Math.abs(std / deviation - 1)).toBeLessThan(0.04);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(limit * (1 + 1e-6));
    expect(numbers(init(key(1), [50, 200], fans))).toEqual(values);
    expect(numbers(init(key(2), [50, 200], fans))).not.toEqual(values);
  });

  it("zeros and ones", () => {
    expect(numbers(zeros(key(1), [3], fans))).toEqual([0, 0, 0]);
    expect(numbers(ones(key(1), [3], fans))).toEqual([1, 1, 1]);
  });

  it.each([[[16, 16]], [[8, 24]], [[24, 8]], [[3, 3, 2, 6]]])(
    "orthogonal of shape %j has orthonormal rows or columns",
    (shape) => {
      const x = orthogonal(2)(key(3), shape, fans);
      expect(x.shape).toEqual(shape);
      const columns = shape.at(-1) as number;
      const matrix = tf.reshape(x, [x.size / columns, columns]) as tf.Tensor2D;
      const wide = (matrix.shape[0] as number) <= columns;
      const gram = tf.matMul(matrix, matrix, !wide, wide);
      const error = tf.max(tf.abs(tf.sub(gram, tf.mul(tf.eye(gram.shape[0] as number), 4))));
      expect(numbers(error)[0]).toBeLessThan(2e-5);
    },
  );
});
