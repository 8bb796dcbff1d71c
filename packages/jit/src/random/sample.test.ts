import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { fold, seedKey } from "./key.js";
import { keyWords, philoxNormal, philoxPermutation, philoxUniform } from "./philox.js";
import {
  bernoulli,
  categorical,
  gumbel,
  normal,
  permutation,
  randomInteger,
  truncatedNormal,
  uniform,
} from "./sample.js";

beforeAll(() => tf.setBackend("cpu"));

const N = 50_000;
const key = () => seedKey(5);
const mean = (x: tf.Tensor) => tf.mean(x).dataSync()[0] as number;
const variance = (x: tf.Tensor) => tf.moments(x).variance.dataSync()[0] as number;

test("normal and uniform are the generator's numbers in the asked shape", () => {
  const z = normal(key(), [3, 5, 2]);
  expect(z.shape).toEqual([3, 5, 2]);
  expect(z.dtype).toBe("float32");
  expect(z.dataSync()).toEqual(philoxNormal(keyWords(5), 30));
  expect(uniform(key(), [30]).dataSync()).toEqual(philoxUniform(keyWords(5), 30));
  expect(normal(key(), []).shape).toEqual([]);
  expect(normal(key(), [0, 4]).size).toBe(0);
});

test("the same key draws the same, folded keys differ", () => {
  const [a, b, c] = [normal(key(), [4]), normal(key(), [4]), normal(fold(key(), 1), [4])].map((x) => x.dataSync());
  expect(a).toEqual(b);
  expect(a).not.toEqual(c);
});

test("uniform stretches to its bounds", () => {
  const values = uniform(key(), [N], -3, 5);
  expect(tf.min(values).dataSync()[0]).toBeGreaterThanOrEqual(-3);
  expect(tf.max(values).dataSync()[0]).toBeLessThan(5);
  expect(Math.abs(mean(values) - 1)).toBeLessThan((5 * 8) / Math.sqrt(12 * N)); // 5 standard errors
});

test("bernoulli hits its probabilities; 0 and 1 are certain", () => {
  const p = tf.tensor1d([0, 0.1, 0.5, 0.9, 1]);
  const draws = bernoulli(key(), tf.tile(tf.expandDims(p, 0), [N / 5, 1]));
  expect(draws.dtype).toBe("float32");
  const rates = tf.mean(draws, 0).dataSync();
  expect(rates[0]).toBe(0);
  expect(rates[4]).toBe(1);
  for (const [i, rate] of [0.1, 0.5, 0.9].entries()) {
    expect(Math.abs((rates[i + 1] as number) - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / (N / 5)));
  }
});

test("permutation is the generator's", () => {
  const order = permutation(key(), 1000);
  expect(order.dtype).toBe("int32");
  expect(order.dataSync()).toEqual(philoxPermutation(keyWords(5), 1000));
});

describe("randomInteger", () => {
  test("covers its range evenly, negative bounds too", () => {
    const values = randomInteger(key(), [N], -3, 4);
    expect(values.dtype).toBe("int32");
    const counts = new Map<number, number>();
    for (const value of values.dataSync()) counts.set(value, (counts.get(value) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-3, -2, -1, 0, 1, 2, 3]);
    for (const count of counts.values())
      expect(Math.abs(count / N - 1 / 7)).toBeLessThan(5 * Math.sqrt(((1 / 7) * (6 / 7)) / N));
  });

  test("one value needs no luck, the largest range stays inside", () => {
    expect(new Set(randomInteger(key(), [20], 9, 10).dataSync())).toEqual(new Set([9]));
    const large = randomInteger(key(), [1000], 0, 2 ** 31 - 1).dataSync();
    expect(large.every((value) => value >= 0)).toBe(true);
    expect(Math.max(...large)).toBeGreaterThan(2 ** 30);
  });

  test.each([
    [3, 3],
    [5, 2],
    [0, 2 ** 31],
    [0.5, 2],
    [0, 1.5],
    [-(2 ** 31) - 1, 0],
    [2 ** 31, 2 ** 31 + 1],
  ])("refuses [%s, %s)", (low, high) => {
    expect(() => randomInteger(key(), [1], low, high)).toThrow(UserError);
  });
});

test("gumbel: mean Euler's constant, variance pi^2/6, finite even for u = 0", () => {
  const values = gumbel(key(), [N]);
  expect(Math.abs(mean(values) - 0.5772157)).toBeLessThan((5 * Math.PI) / Math.sqrt(6 * N));
  expect(Math.abs(variance(values) - Math.PI ** 2 / 6)).toBeLessThan(
    5 * Math.sqrt(((4.4 / 1) * (Math.PI ** 4 / 36)) / N),
  ); // kurtosis 5.4
  expect(values.dataSync().every(Number.isFinite)).toBe(true);
});

describe("categorical", () => {
  test("draws classes with the softmax's probabilities; minus infinity never", () => {
    const p = [0.5, 0.3, 0.2];
    const logits = tf.tensor1d([...p.map((value) => Math.log(value) + 4), Number.NEGATIVE_INFINITY]);
    const draws = categorical(key(), tf.tile(tf.expandDims(logits, 0), [N, 1]));
    expect(draws.dtype).toBe("int32");
    expect(draws.shape).toEqual([N]);
    const counts = [0, 0, 0, 0];
    for (const index of draws.dataSync()) counts[index] = (counts[index] as number) + 1;
    expect(counts[3]).toBe(0);
    p.forEach((value, i) => {
      expect(Math.abs((counts[i] as number) / N - value)).toBeLessThan(5 * Math.sqrt((value * (1 - value)) / N));
    });
  });

  test("keeps the leading axes", () => {
    expect(categorical(key(), tf.zeros([2, 3, 4])).shape).toEqual([2, 3]);
  });
});

describe("truncatedNormal", () => {
  test("lies within two and has the truncated normal's mean and variance", () => {
    const values = truncatedNormal(key(), [N]);
    expect(tf.max(tf.abs(values)).dataSync()[0]).toBeLessThan(2 + 1e-5);
    expect(Math.abs(mean(values))).toBeLessThan((5 * 0.88) / Math.sqrt(N));
    const density = Math.exp(-2) / Math.sqrt(2 * Math.PI);
    const exact = 1 - (4 * density) / 0.9544997361036416; // 1 - 2 * 2 phi(2) / (Phi(2) - Phi(-2))
    expect(Math.abs(variance(values) - exact)).toBeLessThan(0.015); // 5 standard errors, rounded up
  });

  test("inverts the distribution function: Phi(x) is the drawn uniform, to 1e-6", () => {
    const x = truncatedNormal(key(), [200]).dataSync();
    const u = uniform(key(), [200]).dataSync();
    x.forEach((value, i) => {
      const probability = ((u[i] as number) - 0.5) * 0.9544997361036416;
      expect(Math.abs(gaussIntegral(value) - probability)).toBeLessThan(1e-6);
    });
  });
});

/** Standard normal probability of [0, x] by Simpson's rule. */
function gaussIntegral(x: number): number {
  const steps = 200;
  let sum = 0;
  for (let i = 0; i <= steps; i++)
    sum += (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp(-(((i * x) / steps) ** 2) / 2);
  return (sum * x) / steps / 3 / Math.sqrt(2 * Math.PI);
}

describe("gradients", () => {
  /** `x * y` with a gradient of its own: tfjs-core's Node bundle registers none. */
  const times = tf.customGrad((x, y, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor, y as tf.Tensor]);
    return {
      value: tf.mul(x as tf.Tensor, y as tf.Tensor),
      gradFunc: (dy: tf.Tensor, [a, b]: tf.Tensor[]) => [tf.mul(dy, b as tf.Tensor), tf.mul(dy, a as tf.Tensor)],
    };
  });

  test("random numbers are constants of differentiation", () => {
    const grad = tf.grad((x: tf.Tensor) => times(x, normal(key(), [3])))(tf.tensor1d([2, 3, 4]));
    expect(grad.dataSync()).toEqual(philoxNormal(keyWords(5), 3));
  });

  test("what is drawn from parameters is a constant too", () => {
    const p = tf.tensor1d([0.3, 0.6, 0.9, 0.5]);
    const byP = tf.grad((x: tf.Tensor) => times(x, bernoulli(key(), x)))(p);
    expect([...byP.dataSync()]).toEqual([...bernoulli(key(), p).dataSync()]);
    const logits = tf.tensor2d([[1, 2, 3]]);
    const chosen = (x: tf.Tensor) => tf.cast(tf.oneHot(categorical(key(), x), 3), "float32");
    const byLogits = tf.grad((x: tf.Tensor) => times(x, chosen(x)))(logits);
    expect([...byLogits.dataSync()]).toEqual([...chosen(logits).dataSync()]);
  });

  test("nothing is left behind on the backend", () => {
    const p = tf.tensor1d([0.3, 0.6]);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      tf.grad((x: tf.Tensor) => times(x, bernoulli(fold(key(), "a"), x)))(p);
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});

test("refuses shapes that are no shapes and keys that are no keys", () => {
  expect(() => normal(key(), [2.5])).toThrow("every dimension of shape must be a nonnegative integer, got 2.5");
  expect(() => permutation(key(), -1)).toThrow("n must be a nonnegative integer, got -1");
  expect(() => normal(tf.tensor1d([0, 1]), [2])).toThrow("key must be int32[2], got float32[2]");
});
