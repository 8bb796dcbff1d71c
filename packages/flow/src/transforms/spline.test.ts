import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { asScalar, noise, numbers } from "../../test/support.js";
import { rationalQuadraticSpline } from "./spline.js";

const K = 6;
const bound = 3;
const spline = rationalQuadraticSpline({ bins: K, bound });
const theta = noise(1, [1, 3 * K - 1]);

/** The same map for many values: `(n, 1)`. */
const encode = (values: readonly number[]) =>
  spline.encode(tf.tensor(values, [values.length, 1]), tf.tile(theta, [values.length, 1]), {});
const decode = (values: readonly number[]) =>
  spline.decode(tf.tensor(values, [values.length, 1]), tf.tile(theta, [values.length, 1]), {});

/** The knots, from the definition, in float64. */
function knots(offset: number): number[] {
  const raw = numbers(theta).slice(offset, offset + K);
  const total = raw.map(Math.exp).reduce((a, b) => a + b, 0);
  let at = -bound;
  return [at, ...raw.map((r) => (at += 2 * bound * (1e-3 + (1 - 1e-3 * K) * (Math.exp(r) / total))))];
}

describe("rational-quadratic spline", () => {
  const grid = Array.from({ length: 201 }, (_, i) => -5 + i / 20);

  it("inverts inside, outside, at the ends and on the knots", () => {
    const values = [...grid, ...knots(0), -bound, bound, 1e6, -1e6, 3.0000002, -2.9999998];
    const back = numbers(decode(numbers(encode(values).y)).y);
    values.forEach((value, i) => {
      expect(Math.abs((back[i] as number) - Math.fround(value)), `at ${value}`).toBeLessThan(1e-4);
    });
  });

  it("goes through its knots", () => {
    const images = numbers(encode(knots(0)).y);
    knots(K).forEach((y, i) => {
      expect(images[i]).toBeCloseTo(y, 4);
    });
  });

  it("has the slope its log-determinant says, on knots too: they are smooth", () => {
    const h = 1e-3;
    const values = [...grid.filter((x) => Math.abs(Math.abs(x) - bound) > 2 * h), ...knots(0).slice(1, -1)];
    const right = numbers(encode(values.map((x) => x + h)).y);
    const left = numbers(encode(values.map((x) => x - h)).y);
    const logDet = numbers(encode(values).logDet);
    values.forEach((value, i) => {
      const slope = ((right[i] as number) - (left[i] as number)) / (2 * h);
      expect(Math.abs(Math.log(slope) - (logDet[i] as number)), `at ${value}`).toBeLessThan(0.02);
    });
    expect(logDet.every(Number.isFinite)).toBe(true);
  });

  it("is the identity outside, and joins it with slope 1", () => {
    const { y, logDet } = encode([-7, 3.5, 1e6, -bound + 1e-6, bound - 1e-6]);
    expect(numbers(y).slice(0, 3)).toEqual([-7, 3.5, 1e6]);
    for (const value of numbers(logDet)) expect(value).toBeCloseTo(0, 3);
  });

  it("has finite gradients everywhere, for its values and its parameters", () => {
    const values = [...grid, ...knots(0), 1e6, -1e6];
    const x = tf.tensor(values, [values.length, 1]);
    for (const direction of ["encode", "decode"] as const) {
      const [dx, dTheta] = tf.grads((input: tf.Tensor, t: tf.Tensor) => {
        const { y, logDet } = spline[direction](input, tf.tile(t, [values.length, 1]), {});
        return asScalar(tf.add(tf.sum(y), tf.sum(logDet)));
      })([x, theta]) as [tf.Tensor, tf.Tensor];
      expect([...numbers(dx), ...numbers(dTheta)].every(Number.isFinite), direction).toBe(true);
      expect(
        numbers(dTheta).every((value) => value !== 0),
        direction,
      ).toBe(true);
    }
  });

  it("begins as the identity", () => {
    const { y, logDet } = spline.encode(tf.tensor(grid, [grid.length, 1]), tf.zeros([grid.length, 3 * K - 1]), {});
    numbers(y).forEach((value, i) => {
      expect(value).toBeCloseTo(grid[i] as number, 4);
    });
    for (const value of numbers(logDet)) expect(value).toBeCloseTo(0, 4);
  });
});
