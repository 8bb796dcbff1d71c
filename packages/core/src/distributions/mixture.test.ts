import "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { logMeanExp, logSumExp, mixtureLogProb } from "./mixture.js";
import { normalLogProb } from "./normal.js";

const numbers = (t: tf.Tensor) => [...t.dataSync()];

describe("logSumExp", () => {
  it("over any axis, against the definition", () => {
    const rows = [
      [0.1, -2, 3],
      [1, 1, 1],
    ] as [number[], number[]];
    const x = tf.tensor2d(rows);
    const exact = rows.map((row) => Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)));
    expect(numbers(logSumExp(x))).toEqual(exact.map((v) => expect.closeTo(v, 5)));
    expect(numbers(logMeanExp(x))).toEqual(exact.map((v) => expect.closeTo(v - Math.log(3), 5)));
    const columns = [0, 1, 2].map((j) => Math.log(Math.exp(rows[0][j] as number) + Math.exp(rows[1][j] as number)));
    expect(numbers(logSumExp(x, 0))).toEqual(columns.map((v) => expect.closeTo(v, 5)));
  });

  it("neither overflows nor makes NaN of minus infinity", () => {
    const x = tf.tensor2d([
      [1e30, 0],
      [-1e30, -1e30],
      [-Infinity, 2],
      [-Infinity, -Infinity],
    ]);
    expect(numbers(logSumExp(x))).toEqual([Math.fround(1e30), Math.fround(-1e30), 2, -Infinity]);
  });

  it("has the softmax as its gradient", () => {
    const x = tf.tensor2d([[1, 2, 4]]);
    const gradient = tf.grad((t: tf.Tensor) => tf.sum(logSumExp(t)))(x);
    expect(numbers(gradient)).toEqual(numbers(tf.softmax(x)).map((v) => expect.closeTo(v, 6)));
  });
});

describe("mixtureLogProb", () => {
  it("is the log of the weighted sum of densities", () => {
    const logits = tf.tensor2d([[0.3, -1, 2]]);
    const logProbs = normalLogProb(tf.tensor2d([[0.5]]), tf.tensor2d([[0, 1, 2]]), tf.tensor2d([[0, -1, 0.5]]));
    const weights = numbers(tf.softmax(logits));
    const exact = Math.log(numbers(logProbs).reduce((sum, l, k) => sum + (weights[k] as number) * Math.exp(l), 0));
    expect(numbers(mixtureLogProb(logits, logProbs))).toEqual([expect.closeTo(exact, 5)]);
  });
});
