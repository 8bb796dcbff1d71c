import { type Key, mapTree } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { clampLogVar, normalEntropy, normalKl, normalKlToStandard, normalLogProb, normalSample } from "./normal.js";

const key = (a: number): Key => tf.tensor1d([a, 7], "int32");
const numbers = (t: tf.Tensor) => [...t.dataSync()];

/** Sum of `f` over a fine grid: an integral. */
function integrate(f: (x: tf.Tensor) => tf.Tensor, low: number, high: number, n = 20001): number {
  const step = (high - low) / (n - 1);
  return numbers(f(tf.linspace(low, high, n))).reduce((sum, y) => sum + y, 0) * step;
}

describe("normal", () => {
  it("density against the closed form in float64", () => {
    const [x, mu, logVar] = [
      [-3, 0.5, 2],
      [1, 0.5, -1],
      [0.7, -4, 3],
    ] as const;
    const values = numbers(normalLogProb(tf.tensor1d([...x]), tf.tensor1d([...mu]), tf.tensor1d([...logVar])));
    for (let i = 0; i < 3; i++) {
      const s = logVar[i] as number;
      const d = (x[i] as number) - (mu[i] as number);
      expect(values[i]).toBeCloseTo(-0.5 * (Math.log(2 * Math.PI) + s + (d * d) / Math.exp(s)), 5);
    }
  });

  it("density integrates to 1 and -log density to the entropy", () => {
    const logProb = (x: tf.Tensor) => normalLogProb(x, tf.scalar(0.3), tf.scalar(-0.8));
    expect(integrate((x) => tf.exp(logProb(x)), -8, 8)).toBeCloseTo(1, 4);
    const entropy = integrate((x) => tf.neg(tf.mul(tf.exp(logProb(x)), logProb(x))), -8, 8);
    expect(entropy).toBeCloseTo(numbers(normalEntropy(tf.scalar(-0.8)))[0] as number, 4);
  });

  it("KL divergences against the integral and against each other", () => {
    const [m1, v1, m2, v2] = [0.4, -0.5, -0.7, 0.6].map((x) => tf.scalar(x)) as [
      tf.Scalar,
      tf.Scalar,
      tf.Scalar,
      tf.Scalar,
    ];
    const integrand = (x: tf.Tensor) => {
      const p = normalLogProb(x, m1, v1);
      return tf.mul(tf.exp(p), tf.sub(p, normalLogProb(x, m2, v2)));
    };
    expect(numbers(normalKl(m1, v1, m2, v2))[0]).toBeCloseTo(integrate(integrand, -9, 9), 4);
    const zero = tf.scalar(0);
    expect(numbers(normalKlToStandard(m1, v1))[0]).toBeCloseTo(numbers(normalKl(m1, v1, zero, zero))[0] as number, 6);
    expect(numbers(normalKl(m1, v1, m1, v1))[0]).toBe(0);
    expect(numbers(normalKlToStandard(zero, zero))[0]).toBe(0);
  });

  it("samples have the mean and variance asked for, and gradients reach both parameters", () => {
    const n = 20000;
    const sample = normalSample(key(1), tf.fill([n], 2), tf.scalar(Math.log(0.25)));
    const { mean, variance } = mapTree(tf.moments(sample) as never, (t: tf.Tensor) => numbers(t)[0]) as any;
    expect(Math.abs(mean - 2)).toBeLessThan(0.02); // 5.6 standard errors
    expect(Math.abs(variance - 0.25)).toBeLessThan(0.0125); // 5 standard errors
    const [dMu, dLogVar] = tf.grads(
      (mu: tf.Tensor, logVar: tf.Tensor) => tf.sum(normalSample(key(2), mu, logVar)) as tf.Scalar,
    )([tf.zeros([4]), tf.zeros([4])]) as [tf.Tensor, tf.Tensor];
    expect(numbers(dMu)).toEqual([1, 1, 1, 1]);
    const eps = numbers(normalSample(key(2), tf.zeros([4]), tf.zeros([4])));
    expect(numbers(dLogVar)).toEqual(eps.map((e) => expect.closeTo(e / 2, 5)));
  });

  it("extreme parameters within the clamp give finite values and gradients", () => {
    const loss = (mu: tf.Tensor, raw: tf.Tensor) => {
      const logVar = clampLogVar(raw);
      const terms = [normalLogProb(tf.zerosLike(mu), mu, logVar), normalKlToStandard(mu, logVar)];
      return tf.sum(tf.add(terms[0] as tf.Tensor, terms[1] as tf.Tensor)) as tf.Scalar;
    };
    const mu = tf.tensor1d([0, 1e3, -1e3, 1, 1]);
    const raw = tf.tensor1d([-1e4, 1e4, -30, 20, -200]);
    const { value, grads } = tf.valueAndGrads(loss)([mu, raw]);
    for (const t of [value, ...grads]) expect(numbers(t).every(Number.isFinite)).toBe(true);
  });
});
