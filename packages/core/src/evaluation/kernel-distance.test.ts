import { hostKey, philoxNormal } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { energyDistance, kernelDistance } from "./kernel-distance.js";
import { type Points, points } from "./points.js";

const normalPoints = (name: string, n: number, d: number, shift = 0): Points =>
  points(
    Float64Array.from(philoxNormal(hostKey(0, name), n * d), (z) => z + shift),
    d,
  );

describe("kernelDistance", () => {
  it("is zero within its error for equal distributions, on both sides of it", async () => {
    const draws = Array.from({ length: 12 }, (_, i) =>
      kernelDistance(normalPoints(`x ${i}`, 1000, 4), normalPoints(`y ${i}`, 1000, 4)),
    );
    const estimates = await Promise.all(draws);
    const standard = estimates.map(({ value, stderr }) => value / stderr);
    for (const z of standard) expect(Math.abs(z)).toBeLessThan(5); // Student's t of nine degrees of freedom
    expect(Math.min(...standard)).toBeLessThan(0);
    expect(Math.max(...standard)).toBeGreaterThan(0);
  });

  it("is the difference of the moments up to the third for points on a line", async () => {
    const mu = 0.5; // E (xy + 1)^3 = m3 m3' + 3 m2 m2' + 3 m1 m1' + 1
    const [m2, m3] = [1 + mu ** 2, 3 * mu + mu ** 3];
    const expected = m3 ** 2 + 3 * (m2 - 1) ** 2 + 3 * mu ** 2;
    const { value, stderr } = await kernelDistance(normalPoints("x", 10_000, 1, mu), normalPoints("y", 10_000, 1));
    expect(Math.abs(value - expected)).toBeLessThan(5 * stderr);
    expect(stderr).toBeLessThan(0.2 * expected);
  });

  it("is k(a, a) + k(b, b) - 2 k(a, b) between two points repeated", async () => {
    const repeated = (...row: number[]) =>
      points(
        Float64Array.from({ length: 60 }, (_, i) => row[i % 2] as number),
        2,
      );
    const { value, stderr } = await kernelDistance(repeated(1, 0), repeated(0, 2));
    expect(value).toBeCloseTo(1.5 ** 3 + 3 ** 3 - 2, 10);
    expect(stderr).toBeCloseTo(0, 10);
  });

  it("refuses too few points, and unequal numbers of them", async () => {
    await expect(async () => kernelDistance(normalPoints("x", 19, 2), normalPoints("y", 40, 2))).rejects.toThrow(
      "at least 20 samples, got 19",
    );
    await expect(async () => kernelDistance(normalPoints("x", 30, 2), normalPoints("y", 40, 2))).rejects.toThrow(
      "equal size, got 30 and 40 samples",
    );
  });
});

describe("energyDistance", () => {
  it("is zero within its error for equal distributions", async () => {
    const { value, stderr } = await energyDistance(normalPoints("x", 2000, 3), normalPoints("y", 2000, 3));
    expect(Math.abs(value)).toBeLessThan(5 * stderr);
  });

  it("is the closed form of two shifted normal distributions on a line", async () => {
    const mu = 0.8; // x - y is N(mu, 2), a folded normal; x - x' is N(0, 2): E|x - x'| = 2 / sqrt(pi)
    const sigma = Math.SQRT2;
    const half = 0.5 * (1 + 0.42839235504666845); // Phi(mu / sigma), erf(0.4) = 0.4283923550
    const folded = sigma * Math.sqrt(2 / Math.PI) * Math.exp(-(mu ** 2) / (2 * sigma ** 2)) + mu * (2 * half - 1);
    const expected = 2 * folded - 4 / Math.sqrt(Math.PI);
    const { value, stderr } = await energyDistance(normalPoints("x", 10_000, 1, mu), normalPoints("y", 10_000, 1));
    expect(Math.abs(value - expected)).toBeLessThan(5 * stderr);
    expect(stderr).toBeLessThan(0.1 * expected);
  });

  it("tells distributions of equal first three moments apart, where the cubic kernel sees nothing", async () => {
    const coin = points(
      Float64Array.from(philoxNormal(hostKey(0, "coin"), 10_000), (z) => (z < 0 ? -1 : 1)),
      1,
    );
    const normal = normalPoints("y", 10_000, 1); // mean 0, variance 1, skewness 0, like the coin
    const energy = await energyDistance(coin, normal);
    const kernel = await kernelDistance(coin, normal);
    expect(energy.value).toBeGreaterThan(10 * energy.stderr);
    expect(Math.abs(kernel.value)).toBeLessThan(5 * kernel.stderr);
  });
});
