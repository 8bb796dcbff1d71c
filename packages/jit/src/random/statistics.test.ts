/** Fixed keys, so every test is deterministic; bounds are 5 standard errors unless stated, which a sound generator misses once in 1.7 million tests. */
import { describe, expect, test } from "vitest";
import { foldWords, keyWords, philoxBits, philoxNormal, philoxPermutation, philoxUniform } from "./philox.js";

const N = 100_000;
const SEEDS = [0, -7, 2 ** 45 + 3];

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const moment = (values: Float32Array, power: number) => mean(Float64Array.from(values, (value) => value ** power));

function correlation(a: Float32Array, b: Float32Array): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [(a[i] as number) - meanA, (b[i] as number) - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

/** How many standard deviations a chi-square statistic lies from its mean. */
function chiSquareScore(counts: readonly number[], expected: readonly number[]): number {
  const statistic = counts.reduce(
    (sum, count, i) => sum + (count - (expected[i] as number)) ** 2 / (expected[i] as number),
    0,
  );
  const freedom = counts.length - 1;
  return (statistic - freedom) / Math.sqrt(2 * freedom);
}

function histogram(values: Iterable<number>, bins: number, bin: (value: number) => number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[bin(value)] = (counts[bin(value)] as number) + 1;
  return counts;
}

/** Distribution function of the standard normal by Simpson's rule from 0, error below 1e-9 for |x| < 6. */
function normalCdf(x: number): number {
  const steps = 400;
  const h = x / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++)
    sum += (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp(-((i * h) ** 2) / 2);
  return 0.5 + (sum * h) / 3 / Math.sqrt(2 * Math.PI);
}

describe.each(SEEDS)("key of seed %i", (seed) => {
  const key = keyWords(seed);

  test("every bit of the words is fair", () => {
    const ones = new Array<number>(32).fill(0);
    for (const word of philoxBits(key, N)) {
      for (let bit = 0; bit < 32; bit++) ones[bit] = (ones[bit] as number) + ((word >>> bit) & 1);
    }
    for (const count of ones) expect(Math.abs(count / N - 0.5)).toBeLessThan((5 * 0.5) / Math.sqrt(N));
  });

  test("uniforms: mean, variance, range, and 256 equal bins by chi-square", () => {
    const values = philoxUniform(key, N);
    expect(Math.abs(mean(values) - 1 / 2)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(N));
    expect(Math.abs(moment(values, 2) - 1 / 3)).toBeLessThan((5 * Math.sqrt(4 / 45)) / Math.sqrt(N));
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const counts = histogram(values, 256, (value) => Math.floor(value * 256));
    expect(
      Math.abs(
        chiSquareScore(
          counts,
          counts.map(() => N / 256),
        ),
      ),
    ).toBeLessThan(5);
  });

  test("normals: four moments, and bins of width 1/4 by chi-square", () => {
    const values = philoxNormal(key, N);
    const exact = [0, 1, 0, 3];
    const variances = [1, 2, 15, 96]; // of x, x^2, x^3, x^4
    exact.forEach((value, i) => {
      expect(Math.abs(moment(values, i + 1) - value)).toBeLessThan(
        (5 * Math.sqrt(variances[i] as number)) / Math.sqrt(N),
      );
    });
    const bin = (value: number) => Math.min(23, Math.max(0, Math.floor(value * 4) + 12)); // tails beyond 3 in the outer bins
    const edges = Array.from({ length: 25 }, (_, i) => (i === 0 ? 0 : i === 24 ? 1 : normalCdf((i - 12) / 4)));
    const expected = edges.slice(1).map((edge, i) => N * (edge - (edges[i] as number)));
    expect(Math.abs(chiSquareScore(histogram(values, 24, bin), expected))).toBeLessThan(5);
  });

  test("neighbours, and the halves of a pair, are uncorrelated", () => {
    const values = philoxNormal(key, N);
    for (const lag of [1, 2, 3, 4, 8, 64]) {
      expect(Math.abs(correlation(values.slice(0, N - lag), values.slice(lag)))).toBeLessThan(5 / Math.sqrt(N));
    }
  });

  test("folded keys give numbers uncorrelated with each other and with the key's own", () => {
    const keys = [key, ...[0, 1, 2, 3, -1].map((data) => foldWords(key, data)), foldWords(foldWords(key, 0), 0)];
    const streams = keys.map((folded) => philoxNormal(folded, 20_000));
    for (const [i, a] of streams.entries()) {
      for (const b of streams.slice(i + 1)) expect(Math.abs(correlation(a, b))).toBeLessThan(5 / Math.sqrt(20_000));
    }
  });

  test("first draws of consecutive folds are uniform", () => {
    const firsts = Float32Array.from({ length: 50_000 }, (_, i) => philoxUniform(foldWords(key, i), 1)[0] as number);
    const counts = histogram(firsts, 100, (value) => Math.floor(value * 100));
    expect(
      Math.abs(
        chiSquareScore(
          counts,
          counts.map(() => 500),
        ),
      ),
    ).toBeLessThan(5);
    expect(Math.abs(correlation(firsts.slice(1), firsts.slice(0, -1)))).toBeLessThan(5 / Math.sqrt(50_000));
  });

  test("a permutation holds every index once", () => {
    for (const n of [0, 1, 2, 3, 100, 60_000]) {
      expect(philoxPermutation(key, n).sort()).toEqual(Int32Array.from({ length: n }, (_, i) => i));
    }
  });

  test("the 24 orders of four elements are equally likely", () => {
    const draws = 24_000;
    const counts = new Map<string, number>();
    for (let i = 0; i < draws; i++) {
      const order = philoxPermutation(foldWords(key, i), 4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const list = [...counts.values()];
    expect(
      Math.abs(
        chiSquareScore(
          list,
          list.map(() => draws / 24),
        ),
      ),
    ).toBeLessThan(5);
  });
});

test("different seeds give different numbers", () => {
  const firsts = new Set([...Array(1000).keys()].map((seed) => philoxBits(keyWords(seed), 4).join()));
  expect(firsts.size).toBe(1000);
});
