import { describe, expect, it } from "vitest";
import { principalComponents, symmetricEigen } from "./pca.js";

/** Numbers in [-1, 1) that look random and are the same every time. */
function* numbers(): Generator<number> {
  for (let i = 1; ; i++) yield 2 * ((Math.sin(i * 12.9898) * 43758.5453) % 1);
}

function symmetric(n: number): number[][] {
  const next = numbers();
  const m = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = next.next().value as number;
      for (const [r, c] of [
        [i, j],
        [j, i],
      ] as const)
        (m[r] as number[])[c] = value;
    }
  }
  return m;
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);

describe("symmetricEigen", () => {
  it.each([1, 2, 7, 20])("solves A v = lambda v with orthonormal v, n = %i", (n) => {
    const a = symmetric(n);
    const { values, vectors } = symmetricEigen(a);
    for (const [k, v] of vectors.entries()) {
      for (const [i, row] of a.entries()) expect(dot(row, v)).toBeCloseTo((values[k] as number) * (v[i] as number), 10);
      for (const [l, other] of vectors.entries()) expect(dot(v, other)).toBeCloseTo(k === l ? 1 : 0, 10);
    }
    expect([...values].sort((x, y) => y - x)).toEqual(values);
  });

  it("knows the eigenvalues of a matrix worked out by hand", () => {
    const { values } = symmetricEigen([
      [2, 1],
      [1, 2],
    ]);
    expect(values[0]).toBeCloseTo(3, 12);
    expect(values[1]).toBeCloseTo(1, 12);
  });
});

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
});
