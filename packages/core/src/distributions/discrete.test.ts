import type { Key } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { bernoulliEntropy, bernoulliLogProb, bernoulliSample } from "./bernoulli.js";
import { categoricalEntropy, categoricalKl, categoricalLogProb, categoricalSample } from "./categorical.js";

const key = (a: number): Key => tf.tensor1d([a, 7], "int32");
const numbers = (t: tf.Tensor) => [...t.dataSync()];
const expectClose = (t: tf.Tensor, values: number[], digits = 5) =>
  expect(numbers(t)).toEqual(values.map((v) => expect.closeTo(v, digits)));

describe("bernoulli", () => {
  const logits = [-8, -1, 0, 0.5, 6];
  const p = logits.map((l) => 1 / (1 + Math.exp(-l)));

  it("log-probabilities against the definition; the two outcomes sum to 1", () => {
    const l = tf.tensor1d(logits);
    expectClose(bernoulliLogProb(tf.ones([5]), l), p.map(Math.log));
    expectClose(
      bernoulliLogProb(tf.zeros([5]), l),
      p.map((q) => Math.log(1 - q)),
    );
    expectClose(
      bernoulliLogProb(tf.fill([5], 0.3), l),
      p.map((q) => 0.3 * Math.log(q) + 0.7 * Math.log(1 - q)),
    );
  });

  it("entropy against the definition, symmetric, without NaN for certain outcomes", () => {
    const exact = p.map((q) => -q * Math.log(q) - (1 - q) * Math.log(1 - q));
    expectClose(bernoulliEntropy(tf.tensor1d(logits)), exact, 6);
    expect(numbers(bernoulliEntropy(tf.tensor1d([500, -500])))).toEqual([0, 0]);
  });

  it("gradient is x - p; logits of any size give finite values and gradients", () => {
    const l = tf.tensor1d([-1e4, -90, 0, 90, 1e4]);
    for (const x of [0, 1]) {
      const { value, grad } = tf.valueAndGrad(
        (t: tf.Tensor) => tf.sum(bernoulliLogProb(tf.fill([5], x), t)) as tf.Scalar,
      )(l);
      expect(Number.isFinite(numbers(value)[0])).toBe(true);
      expectClose(
        grad,
        [0, 0, 0.5, 1, 1].map((q) => x - q),
        6,
      );
    }
  });

  it("samples zeros and ones with the right frequency", () => {
    const draws = numbers(bernoulliSample(key(3), tf.fill([10000], Math.log(0.3 / 0.7))));
    expect(new Set(draws)).toEqual(new Set([0, 1]));
    expect(Math.abs(draws.reduce((a, b) => a + b, 0) / 10000 - 0.3)).toBeLessThan(0.023); // 5 standard errors
  });
});

describe("categorical", () => {
  const raw = [
    [1, 2, 0.5],
    [-3, 0, 3],
  ];
  const p = raw.map((row) => {
    const total = row.reduce((sum, l) => sum + Math.exp(l), 0);
    return row.map((l) => Math.exp(l) / total);
  }) as [number[], number[]];
  const logits = tf.tensor2d(raw);

  it("log-probabilities, entropy and KL against the definitions", () => {
    expectClose(categoricalLogProb(tf.tensor1d([2, 0], "int32"), logits), [
      Math.log(p[0][2] as number),
      Math.log(p[1][0] as number),
    ]);
    expectClose(
      categoricalEntropy(logits),
      p.map((row) => -row.reduce((sum, q) => sum + q * Math.log(q), 0)),
    );
    const kl = p[0].reduce((sum, q, i) => sum + q * Math.log(q / (p[1][i] as number)), 0);
    const [first, second] = tf.split(logits, 2) as [tf.Tensor, tf.Tensor];
    expectClose(categoricalKl(first, second), [kl]);
    expectClose(categoricalKl(logits, tf.add(logits, 5)), [0, 0], 6);
  });

  it("large logits stay finite, with gradients", () => {
    const large = tf.tensor2d([[1e4, -1e4, 0]]);
    const loss = (l: tf.Tensor) =>
      tf.sum(tf.add(categoricalLogProb(tf.tensor1d([1], "int32"), l), categoricalEntropy(l))) as tf.Scalar;
    const { value, grad } = tf.valueAndGrad(loss)(large);
    for (const t of [value, grad]) expect(numbers(t).every(Number.isFinite)).toBe(true);
  });

  it("samples classes with the right frequency", () => {
    const draws = numbers(categoricalSample(key(4), tf.tile(tf.slice(logits, [0, 0], [1, 3]), [10000, 1])));
    for (let k = 0; k < 3; k++) {
      const share = draws.filter((d) => d === k).length / 10000;
      expect(Math.abs(share - (p[0][k] as number))).toBeLessThan(0.025); // 5 standard errors
    }
  });
});
