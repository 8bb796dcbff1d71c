import { hostKey, philoxNormal } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { kernelDistance } from "./kernel-distance.js";
import { type Points, points } from "./points.js";

const normalPoints = (name: string, n: number, d: number, shift = 0): Points =>
  points(
    Float64Array.from(philoxNormal(hostKey(0, name), n * d), (z) => z + shift),
    d,
  );

describe("kernelDistance", () => {
  it("is zero within its error for equal distributions, on both sides of it", () => {
    const estimates = Array.from({ length: 12 }, (_, i) =>
      kernelDistance(normalPoints(`x ${i}`, 1000, 4), normalPoints(`y ${i}`, 1000, 4)),
    );
    const standard = estimates.map(({ value, stderr }) => value / stderr);
    for (const z of standard) expect(Math.abs(z)).toBeLessThan(5); // Student's t of nine degrees of freedom
    expect(Math.min(...standard)).toBeLessThan(0);
    expect(Math.max(...standard)).toBeGreaterThan(0);
  });

  it("is the difference of the moments up to the third for points on a line", () => {
    const mu = 0.5; // E (xy + 1)^3 = m3 m3' + 3 m2 m2' + 3 m1 m1' + 1
    const [m2, m3] = [1 + mu ** 2, 3 * mu + mu ** 3];
    const expected = m3 ** 2 + 3 * (m2 - 1) ** 2 + 3 * mu ** 2;
    const { value, stderr } = kernelDistance(normalPoints("x", 10_000, 1, mu), normalPoints("y", 10_000, 1));
    expect(Math.abs(value - expected)).toBeLessThan(5 * stderr);
    expect(stderr).toBeLessThan(0.2 * expected);
  });

  it("is k(a, a) + k(b, b) - 2 k(a, b) between two points repeated", () => {
    const repeated = (...row: number[]) =>
      points(
        Float64Array.from({ length: 60 }, (_, i) => row[i % 2] as number),
        2,
      );
    const { value, stderr } = kernelDistance(repeated(1, 0), repeated(0, 2));
    expect(value).toBeCloseTo(1.5 ** 3 + 3 ** 3 - 2, 10);
    expect(stderr).toBeCloseTo(0, 10);
  });

  it("refuses too few points", () => {
    expect(() => kernelDistance(normalPoints("x", 19, 2), normalPoints("y", 40, 2))).toThrow(
      "at least 20 samples, got 19",
    );
  });
});
