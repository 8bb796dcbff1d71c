import type { DatumSpec } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { image, key, mean, number, numbers, standardError } from "../test/support.js";
import { bernoulliLikelihood, discretizedLogisticLikelihood, gaussianLikelihood } from "./likelihoods.js";

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Every row of `x` under the same decoder output. */
const repeated = (output: readonly number[], n: number) => tf.tile(tf.tensor2d([[...output]]), [n, 1]);

describe("bernoulli", () => {
  const binary: DatumSpec = { kind: "binary", shape: [3] };
  const corners = Array.from({ length: 8 }, (_, i) => [i & 1, (i >> 1) & 1, (i >> 2) & 1]);

  it("is normalised over all binary vectors", () => {
    const likelihood = bernoulliLikelihood(binary, "none");
    const logProb = numbers(likelihood.logProb({}, repeated([0.3, -2, 5], 8), tf.tensor2d(corners)));
    expect(sum(logProb.map(Math.exp))).toBeCloseTo(1, 5);
    expect(logProb[0]).toBeCloseTo(-sum([0.3, -2, 5].map((l) => Math.log1p(Math.exp(l)))), 4);
  });

  it("stays finite for extreme logits", () => {
    const likelihood = bernoulliLikelihood(binary, "none");
    expect(number(likelihood.logProb({}, tf.tensor2d([[200, -200, 200]]), tf.tensor2d([[0, 0, 1]])))).toBeCloseTo(
      -200,
      3,
    );
  });

  it("binarises dynamically with the gray value as probability, anew for every key", () => {
    const likelihood = bernoulliLikelihood(image(100, 100, 1), "dynamic");
    const x = tf.fill([1, 100, 100, 1], 0.3);
    const drawn = numbers(likelihood.observe(x, key(1)));
    expect(new Set(drawn)).toEqual(new Set([0, 1]));
    expect(Math.abs(mean(drawn) - 0.3)).toBeLessThan(4 * standardError(drawn));
    expect(numbers(likelihood.observe(x, key(1)))).toEqual(drawn);
    expect(numbers(likelihood.observe(x, key(2)))).not.toEqual(drawn);
    expect(numbers(likelihood.observe(x))).toEqual(numbers(x));
  });

  it("keeps pixels that are black or white", () => {
    const likelihood = bernoulliLikelihood(image(1, 2, 1), "dynamic");
    expect(numbers(likelihood.observe(tf.tensor([0, 1], [1, 1, 2, 1]), key(3)))).toEqual([0, 1]);
  });

  it("cuts at the middle of the range by threshold, and answers in the data's range", () => {
    const likelihood = bernoulliLikelihood({ ...image(1, 3, 1), range: [-1, 3] }, "threshold");
    expect(numbers(likelihood.observe(tf.tensor([-1, 0.9, 1.1], [1, 1, 3, 1]), key(3)))).toEqual([0, 0, 1]);
    expect(numbers(likelihood.mean(tf.tensor([0, -100, 100], [1, 1, 3, 1])))).toEqual([1, -1, 3]);
    expect(new Set(numbers(likelihood.sample({}, tf.zeros([50, 1, 3, 1]), key(1))))).toEqual(new Set([-1, 3]));
  });
});

describe("gaussian", () => {
  const step = 0.01;
  const grid = Array.from({ length: 4001 }, (_, i) => (i - 2000) * step);

  it.each([
    ["fixed", 0.7, {}],
    ["learned", "shared", { logScale: tf.scalar(-0.5) }],
  ] as const)("integrates to one: %s width", (_, scale, params) => {
    const likelihood = gaussianLikelihood({ kind: "continuous", shape: [1] }, scale);
    const logProb = numbers(
      likelihood.logProb(params, repeated([1.3], grid.length), tf.tensor2d(grid, [grid.length, 1])),
    );
    expect(sum(logProb.map(Math.exp)) * step).toBeCloseTo(1, 4);
  });

  it("has the standard normal's peak", () => {
    const likelihood = gaussianLikelihood({ kind: "continuous", shape: [2] }, 1);
    expect(number(likelihood.logProb({}, tf.zeros([1, 2]), tf.zeros([1, 2])))).toBeCloseTo(-Math.log(2 * Math.PI), 5);
  });

  it("is a density in the data's units when they are bounded", () => {
    const likelihood = gaussianLikelihood({ kind: "continuous", shape: [1], range: [0, 10] }, 2);
    expect(numbers(likelihood.mean(tf.tensor2d([[0], [-1], [7]])))).toEqual([5, 0, 10]);
    const atMean = number(likelihood.logProb({}, tf.tensor2d([[0]]), tf.tensor2d([[5]])));
    expect(atMean).toBeCloseTo(-Math.log(2) - 0.5 * Math.log(2 * Math.PI), 5);
  });

  it("has one width a dimension by pixel", () => {
    const likelihood = gaussianLikelihood({ kind: "continuous", shape: [2] }, "pixel");
    expect(likelihood.init?.().logScale?.shape).toEqual([2]);
    const params = { logScale: tf.tensor1d([0, Math.log(2)]) };
    const value = number(likelihood.logProb(params, tf.zeros([1, 2]), tf.tensor2d([[1, 2]])));
    expect(value).toBeCloseTo(-1 - Math.log(2) - Math.log(2 * Math.PI), 5);
    const draws = likelihood.sample(params, tf.zeros([4000, 2]), key(5));
    const [a, b] = numbers(tf.sqrt(tf.mean(tf.square(draws), 0)));
    expect(a).toBeCloseTo(1, 1);
    expect(b).toBeCloseTo(2, 1);
  });
});

describe("discretized logistic", () => {
  const datum: DatumSpec = { kind: "continuous", shape: [1], range: [0, 1], levels: 256 };
  const levels = Array.from({ length: 256 }, (_, i) => i / 255);
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

  /** The definition, in float64 on [-1, 1] as in the literature. */
  function mass(level: number, m: number, s: number): number {
    const x = 2 * level - 1;
    const upper = level > 1 - 1e-6 ? 1 : sigmoid((x + 1 / 255 - m) / s);
    const lower = level < 1e-6 ? 0 : sigmoid((x - 1 / 255 - m) / s);
    return upper - lower;
  }

  it.each([
    [0.1, -2],
    [-0.95, -4],
    [1.4, -1],
    [0.3, 1],
  ])("is the logistic's mass of every level: mean %f, log-scale %f", (m, logScale) => {
    const likelihood = discretizedLogisticLikelihood(datum, "shared");
    const params = { logScale: tf.scalar(logScale) };
    const logProb = numbers(likelihood.logProb(params, repeated([m], 256), tf.tensor2d(levels, [256, 1])));
    expect(sum(logProb.map(Math.exp))).toBeCloseTo(1, 4);
    levels.forEach((level, i) => {
      const exact = mass(level, m, Math.exp(logScale));
      if (exact > 1e-9) expect(logProb[i] as number).toBeCloseTo(Math.log(exact), 2);
    });
  });

  it("stays finite, with a finite gradient, where the mass underflows", () => {
    const likelihood = discretizedLogisticLikelihood(datum, "shared");
    const value = (m: tf.Tensor, logScale: tf.Tensor) =>
      tf.sum(likelihood.logProb({ logScale }, m, tf.tensor2d([[0.2], [0], [1]])));
    const [dm, ds] = tf.grads(value)([tf.tensor2d([[50], [50], [-50]]), tf.scalar(-7)]) as [tf.Tensor, tf.Tensor];
    for (const gradient of [...numbers(dm), ...numbers(ds)]) expect(Number.isFinite(gradient)).toBe(true);
    expect(number(value(tf.tensor2d([[50], [50], [-50]]), tf.scalar(-7)))).toBeLessThan(-1000);
  });

  it("draws levels of the data, distributed by their masses", () => {
    const coarse: DatumSpec = { kind: "continuous", shape: [1], range: [0, 3], levels: 4 };
    const likelihood = discretizedLogisticLikelihood(coarse, "shared");
    const params = { logScale: tf.scalar(-1) };
    const n = 8000;
    const drawn = numbers(likelihood.sample(params, tf.fill([n, 1], 0.2), key(4)));
    const masses = numbers(likelihood.logProb(params, tf.fill([4, 1], 0.2), tf.tensor2d([[0], [1], [2], [3]]))).map(
      Math.exp,
    );
    expect(sum(masses)).toBeCloseTo(1, 5);
    masses.forEach((p, level) => {
      const share = drawn.filter((v) => v === level).length / n;
      expect(Math.abs(share - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / n) + 1e-4);
    });
  });
});
