import { describe, expect, it } from "vitest";
import { principalComponents } from "./pca.js";

/** Numbers in [-1, 1) that look random and are the same every time. */
function* numbers(): Generator<number> {
  for (let i = 1; ; i++) yield 2 * ((Math.sin(i * 12.9898) * 43758.5453) % 1);
}

describe("principalComponents", () => {
  it("finds a plane in many dimensions and the variance on it", () => {
    const next = numbers();
    const [u, v] = [
      [0.6, 0.8, 0, 0],
      [0, 0, 0.8, -0.6],
    ];
    const coordinates = Array.from({ length: 500 }, () => [
      5 * (next.next().value as number),
      next.next().value as number,
    ]);
    const rows = coordinates.map(([a = 0, b = 0]) => u.map((x, i) => 3 + a * x + b * (v[i] as number)));
    const { points, explained } = principalComponents(rows);
    expect(explained[0] + explained[1]).toBeCloseTo(1, 10);
    expect(explained[0]).toBeGreaterThan(0.9);
    // Distances within the plane are kept.
    const distance = (a: readonly number[], b: readonly number[]) =>
      Math.hypot(...a.map((x, i) => x - (b[i] as number)));
    for (let i = 1; i < 500; i += 50) {
      expect(distance(points[i] ?? [], points[0] ?? [])).toBeCloseTo(distance(rows[i] ?? [], rows[0] ?? []), 8);
    }
  });

  it("knows the components of points worked out by hand", () => {
    // covariance [[2, 1], [1, 2]] times 2: eigenvalues 3 and 1, along (1, 1) and (1, -1)
    const r = Math.sqrt(3);
    const { points, explained } = principalComponents([
      [r, r],
      [-r, -r],
      [1, -1],
      [-1, 1],
    ]);
    expect(explained).toEqual([expect.closeTo(0.75, 12), expect.closeTo(0.25, 12)]);
    expect(points[0]).toEqual([expect.closeTo(Math.sqrt(6), 12), expect.closeTo(0, 12)]);
    expect(Math.abs(points[2]?.[1] as number)).toBeCloseTo(Math.SQRT2, 12);
  });

  it("finds a plane in more dimensions than are decomposed", () => {
    const next = numbers();
    const width = 1100;
    const rows = Array.from({ length: 40 }, () => {
      const [a, b] = [3 * (next.next().value as number), next.next().value as number];
      return Array.from({ length: width }, (_, j) => (j === 7 ? a : j === 1000 ? b : 2));
    });
    const { points, explained } = principalComponents(rows);
    expect(explained[0] + explained[1]).toBeCloseTo(1, 10);
    const norm = (row: readonly number[]) => Math.hypot(...row);
    const apart = (i: number, of: readonly (readonly number[])[]) =>
      norm((of[i] ?? []).map((x, j) => x - (of[0]?.[j] as number)));
    for (let i = 1; i < 40; i += 7) expect(apart(i, points)).toBeCloseTo(apart(i, rows), 8);
  });
});
