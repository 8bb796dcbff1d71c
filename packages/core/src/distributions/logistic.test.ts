import type { Key } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { laplaceLogProb, laplaceSample } from "./laplace.js";
import {
  discretizedLogisticLogProb,
  discretizedLogisticSample,
  logisticLogProb,
  logisticSample,
  type Quantization,
} from "./logistic.js";
import { uniformLogProb, uniformSample } from "./uniform.js";

const key = (a: number): Key => tf.tensor1d([a, 7], "int32");
const numbers = (t: tf.Tensor) => [...t.dataSync()];
const grid = ({ range: [low, high] = [0, 1], levels = 256 }: Quantization) => tf.linspace(low, high, levels);

/** The difference of distribution functions in float64: what the stable form must equal wherever this one has digits. */
function exactMass(
  x: number,
  mu: number,
  logScale: number,
  { range: [low, high] = [0, 1], levels = 256 }: Quantization,
): number {
  const half = (high - low) / (levels - 1) / 2;
  const cdf = (y: number) => 1 / (1 + Math.exp(-(y - mu) * Math.exp(-logScale)));
  const upper = x > high - half ? 1 : cdf(x + half);
  return upper - (x < low + half ? 0 : cdf(x - half));
}

const CASES: [Quantization, number, number][] = [
  [{}, 0.4, -3],
  [{}, 0, 0],
  [{}, 1.2, -2],
  [{ range: [-1, 1] }, -0.3, -4],
  [{ range: [-1, 1] }, 3, 1],
  [{ range: [-1, 1], levels: 2 }, 0.1, -1],
  [{ levels: 5 }, 0.5, -6],
  [{ range: [0, 255] }, 100, 2],
];

describe("discretized logistic", () => {
  it.each(CASES)("%o, mean %d, log-scale %d: masses are exact and sum to 1", (quantization, mu, logScale) => {
    const x = grid(quantization);
    const logProb = numbers(discretizedLogisticLogProb(x, tf.scalar(mu), tf.scalar(logScale), quantization));
    expect(logProb.reduce((sum, l) => sum + Math.exp(l), 0)).toBeCloseTo(1, 4);
    const levels = numbers(x);
    for (let i = 0; i < levels.length; i++) {
      const mass = exactMass(levels[i] as number, mu, logScale, quantization);
      if (mass > 1e-9)
        expect(Math.abs((logProb[i] as number) - Math.log(mass))).toBeLessThan(2e-4 * (1 + Math.exp(-logScale)));
    }
  });

  it("falls off linearly where the difference of distribution functions underflows", () => {
    const at = (x: number) =>
      numbers(discretizedLogisticLogProb(tf.scalar(x), tf.scalar(-100), tf.scalar(0), { range: [-1, 1] }))[0] as number;
    expect(at(0.5) - at(0)).toBeCloseTo(-0.5, 3);
    expect(at(0)).toBeCloseTo(-100 + Math.log(2 / 255), 3);
  });

  it("gradients agree with finite differences of the float64 definition", () => {
    const levels = [0, 1 / 255, 0.2, 100 / 255, 1];
    for (const [mu, logScale] of [
      [0.4, -2],
      [0.3, -3],
      [0.9, 0],
    ] as const) {
      const f = (m: tf.Tensor, s: tf.Tensor) =>
        tf.sum(discretizedLogisticLogProb(tf.tensor1d(levels), m, s)) as tf.Scalar;
      const [dMu, dScale] = tf
        .grads(f)([tf.scalar(mu), tf.scalar(logScale)])
        .map((t) => numbers(t)[0]) as [number, number];
      const exact = (m: number, s: number) =>
        levels.reduce((sum, x) => sum + Math.log(exactMass(Math.round(x * 255) / 255, m, s, {})), 0);
      const h = 1e-5;
      const byMu = (exact(mu + h, logScale) - exact(mu - h, logScale)) / (2 * h);
      const byScale = (exact(mu, logScale + h) - exact(mu, logScale - h)) / (2 * h);
      expect(Math.abs(dMu - byMu)).toBeLessThan(1e-3 * (1 + Math.abs(byMu)));
      expect(Math.abs(dScale - byScale)).toBeLessThan(1e-3 * (1 + Math.abs(byScale)));
    }
  });

  it("extreme means and scales give finite values and gradients everywhere", () => {
    const x = tf.tensor2d([0, 0.5, 1], [3, 1]);
    const mu = tf.tensor2d([[-1e3, -1, 0, 0.5, 1, 1e3]]);
    for (const logScale of [-1e4, -20, -7, 0, 20, 1e4]) {
      const f = (m: tf.Tensor, s: tf.Tensor) => tf.sum(discretizedLogisticLogProb(x, m, s)) as tf.Scalar;
      const { value, grads } = tf.valueAndGrads(f)([mu, tf.fill([1, 6], logScale)]);
      for (const t of [value, ...grads]) expect(numbers(t).every(Number.isFinite)).toBe(true);
      const each = numbers(discretizedLogisticLogProb(x, mu, tf.scalar(logScale)));
      expect(Math.max(...each)).toBeLessThanOrEqual(1e-6);
    }
  });

  it("samples lie on the grid with the frequencies of the masses", () => {
    const quantization = { range: [-1, 1], levels: 5 } as const;
    const draws = numbers(discretizedLogisticSample(key(5), tf.fill([10000], 0.2), tf.scalar(-1), quantization));
    for (const level of [-1, -0.5, 0, 0.5, 1]) {
      const share = draws.filter((d) => Math.abs(d - level) < 1e-6).length / 10000;
      expect(Math.abs(share - exactMass(level, 0.2, -1, quantization))).toBeLessThan(0.025); // 5 standard errors
    }
  });

  it("refuses grids that cannot be", () => {
    const at = (quantization: Quantization) => () =>
      discretizedLogisticLogProb(tf.scalar(0), tf.scalar(0), tf.scalar(0), quantization);
    expect(at({ levels: 1 })).toThrow("@latentkit/core: levels must be a whole number from 2, got 1");
    expect(at({ range: [1, 0] })).toThrow("range must rise, got [1, 0]");
  });
});

/** Integral of `exp(logProb)` over a fine grid. */
function mass(logProb: (x: tf.Tensor) => tf.Tensor, low: number, high: number, n = 20001): number {
  const step = (high - low) / (n - 1);
  return numbers(tf.exp(logProb(tf.linspace(low, high, n)))).reduce((sum, y) => sum + y, 0) * step;
}

describe("continuous densities", () => {
  it("integrate to 1 and have the closed form's value", () => {
    const [mu, logScale] = [tf.scalar(0.5), tf.scalar(-0.7)];
    expect(mass((x) => logisticLogProb(x, mu, logScale), -12, 13)).toBeCloseTo(1, 4);
    expect(mass((x) => laplaceLogProb(x, mu, logScale), -12, 13)).toBeCloseTo(1, 3);
    expect(mass((x) => uniformLogProb(x, -1, 3), -2, 4)).toBeCloseTo(1, 3);
    const s = Math.exp(-0.7);
    const z = (2 - 0.5) / s;
    expect(numbers(logisticLogProb(tf.scalar(2), mu, logScale))[0]).toBeCloseTo(
      -z + 0.7 - 2 * Math.log1p(Math.exp(-z)),
      5,
    );
    expect(numbers(laplaceLogProb(tf.scalar(2), mu, logScale))[0]).toBeCloseTo(-z + 0.7 - Math.LN2, 5);
    expect(numbers(uniformLogProb(tf.tensor1d([-1, 3, 3.5]), -1, 3))).toEqual([
      -Math.fround(Math.log(4)),
      -Math.fround(Math.log(4)),
      -Infinity,
    ]);
  });

  it("samples have the right mean and variance", () => {
    const n = 20000;
    const check = (sample: tf.Tensor, mean: number, variance: number) => {
      const moments = tf.moments(sample);
      expect(Math.abs((numbers(moments.mean)[0] as number) - mean)).toBeLessThan(6 * Math.sqrt(variance / n));
      expect(Math.abs((numbers(moments.variance)[0] as number) / variance - 1)).toBeLessThan(0.1);
    };
    const [mu, logScale] = [tf.fill([n], 0.5), tf.scalar(-0.7)];
    const s = Math.exp(-0.7);
    check(logisticSample(key(6), mu, logScale), 0.5, (Math.PI * s) ** 2 / 3);
    check(laplaceSample(key(7), mu, logScale), 0.5, 2 * s * s);
    check(uniformSample(key(8), [n], -1, 3), 1, 16 / 12);
  });

  it("far from the mean values and gradients stay finite", () => {
    for (const logProb of [logisticLogProb, laplaceLogProb]) {
      const f = (mu: tf.Tensor, s: tf.Tensor) => tf.sum(logProb(tf.tensor1d([0, 0, 0]), mu, s)) as tf.Scalar;
      const { value, grads } = tf.valueAndGrads(f)([tf.tensor1d([1e4, -1e4, 1]), tf.tensor1d([0, -10, 30])]);
      for (const t of [value, ...grads]) expect(numbers(t).every(Number.isFinite)).toBe(true);
    }
  });
});
