import { hostKey, philoxNormal, UserError } from "@latentkit/jit";
import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { frechetDistance, frechetEstimate } from "./frechet.js";
import { addSums, type Moments, momentSums, moments, momentsOf } from "./moments.js";
import { type Points, points } from "./points.js";

const gaussian = (mean: number[], covariance: number[][]): Moments => ({
  count: 100,
  mean: Float64Array.from(mean),
  covariance: new Matrix(covariance),
});

/** `n` points of `N(shift, scale^2 I)` in `d` dimensions. */
function normalPoints(name: string, n: number, d: number, { shift = 0, scale = 1 } = {}): Points {
  return points(
    Float64Array.from(philoxNormal(hostKey(0, name), n * d), (z) => shift + scale * z),
    d,
  );
}

describe("frechetDistance", () => {
  it("is zero for equal Gaussians, singular ones included", () => {
    const flat = gaussian([1, 2, 3], [[2, 1, 0], [1, 2, 0], [0, 0, 0]]); // biome-ignore format: rows of a matrix
    expect(frechetDistance(flat, flat)).toBeCloseTo(0, 10);
  });

  it("is the squared shift for equal covariances", () => {
    const covariance = [[2, 0.5], [0.5, 1]]; // biome-ignore format: rows of a matrix
    expect(frechetDistance(gaussian([0, 0], covariance), gaussian([3, 4], covariance))).toBeCloseTo(25, 10);
  });

  it("is the sum of (sigma1 - sigma2)^2 for diagonal covariances", () => {
    const a = gaussian([0, 0], [[4, 0], [0, 9]]); // biome-ignore format: rows of a matrix
    const b = gaussian([1, 0], [[1, 0], [0, 25]]); // biome-ignore format: rows of a matrix
    expect(frechetDistance(a, b)).toBeCloseTo(1 + 1 + 4, 10);
  });

  it("agrees with tr (AB)^1/2 = sqrt(tr AB + 2 sqrt(det AB)) for two dimensions that do not commute", () => {
    const [a, b] = [new Matrix([[3, 1], [1, 2]]), new Matrix([[1, -0.7], [-0.7, 4]])]; // biome-ignore format: rows of a matrix
    const [trace, determinant] = [a.mmul(b).trace(), (3 * 2 - 1) * (4 - 0.49)];
    const expected = a.trace() + b.trace() - 2 * Math.sqrt(trace + 2 * Math.sqrt(determinant));
    const distance = frechetDistance(gaussian([0, 0], a.to2DArray()), gaussian([0, 0], b.to2DArray()));
    expect(distance).toBeCloseTo(expected, 10);
    expect(frechetDistance(gaussian([0, 0], b.to2DArray()), gaussian([0, 0], a.to2DArray()))).toBeCloseTo(expected, 10);
  });
});

describe("frechetEstimate", () => {
  it("is zero for identical sets", async () => {
    const set = normalPoints("same", 500, 6);
    expect((await frechetEstimate(set, set)).value).toBeCloseTo(0, 9);
  });

  it("comes to d shift^2 + d (scale - 1)^2 for shifted and scaled normal points", async () => {
    const { value, stderr } = await frechetEstimate(
      normalPoints("samples", 20_000, 8, { shift: 0.5, scale: 2 }),
      normalPoints("reference", 20_000, 8),
    );
    expect(stderr).toBeGreaterThan(0);
    expect(Math.abs(value - (8 * 0.25 + 8))).toBeLessThan(5 * stderr + 0.02); // bias of finite sets: about 0.01
  });

  it("gives a standard error that is the spread over fresh samples", async () => {
    const reference = normalPoints("reference", 1000, 4);
    const draws = Array.from({ length: 40 }, (_, i) =>
      frechetEstimate(normalPoints(`draw ${i}`, 1000, 4, { shift: 0.3 }), reference),
    );
    const estimates = await Promise.all(draws);
    const mean = estimates.reduce((sum, { value }) => sum + value, 0) / 40;
    const spread = Math.sqrt(estimates.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / 39);
    const claimed = estimates.reduce((sum, { stderr }) => sum + stderr, 0) / 40;
    expect(claimed / spread).toBeGreaterThan(0.7);
    expect(claimed / spread).toBeLessThan(1.4);
  });

  it("refuses fewer samples than dimensions, and sets of different widths", async () => {
    const few = frechetEstimate(normalPoints("few", 8, 8), normalPoints("many", 100, 8));
    await expect(few).rejects.toThrow(UserError);
    await expect(few).rejects.toThrow("at least 9 samples, got 8");
    await expect(frechetEstimate(normalPoints("a", 50, 2), normalPoints("b", 50, 3))).rejects.toThrow(RangeError);
    await expect(frechetEstimate(normalPoints("a", 50, 2), normalPoints("b", 40, 2))).rejects.toThrow("equal size");
  });
});

describe("moments", () => {
  it("are those of the definition, whatever the origin and the parts", () => {
    const set = points(Float64Array.of(1e6 + 1, 2, 1e6 + 3, -2, 1e6 + 5, 3), 2);
    const { mean, covariance } = moments(set);
    expect([...mean]).toEqual([1e6 + 3, 1]);
    expect(covariance.to2DArray()).toEqual([[4, 1], [1, 7]]); // biome-ignore format: rows of a matrix
    const origin = Float64Array.of(1e6, 0);
    const whole = addSums(momentSums(set, origin, 0, 1), momentSums(set, origin, 1, 3), 1);
    expect(momentsOf(whole).covariance.to2DArray()).toEqual(covariance.to2DArray());
    expect(momentsOf(addSums(whole, momentSums(set, origin, 0, 1), -1)).covariance.get(1, 1)).toBeCloseTo(12.5, 9);
    expect(() => momentsOf(momentSums(set, origin, 0, 1))).toThrow(RangeError);
  });
});
