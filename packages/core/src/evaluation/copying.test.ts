import { eager, hostKey, philoxNormal } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { nearestRows, probabilityBelow } from "./copying.js";
import { type Points, points, squaredDistance } from "./points.js";

const cloud = (name: string, n: number, d: number): Points => points(philoxNormal(hostKey(0, name), n * d), d);

const source = ({ count, width, data }: Points) => ({
  count,
  gather: (indices: Int32Array) =>
    Float32Array.from([...indices].flatMap((i) => [...data.subarray(i * width, (i + 1) * width)])),
});

describe("probabilityBelow", () => {
  it("is the share of pairs, ties counted half", () => {
    expect(probabilityBelow([1, 2, 3], [2, 4]).value).toBeCloseTo((2 + 1.5 + 1) / 6, 12);
    expect(probabilityBelow([5, 5], [5, 5]).value).toBe(0.5);
    expect(probabilityBelow([0, 1], [7, 8, 9])).toEqual({ value: 1, stderr: 0 });
  });

  it("has the error of DeLong et al.: the spread over fresh draws", () => {
    const draws = Array.from({ length: 60 }, (_, i) =>
      probabilityBelow(philoxNormal(hostKey(i, "a"), 100), philoxNormal(hostKey(i, "b"), 150)),
    );
    const mean = draws.reduce((sum, { value }) => sum + value, 0) / draws.length;
    const spread = Math.sqrt(draws.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / (draws.length - 1));
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
    expect((draws[0]?.stderr ?? 0) / spread).toBeGreaterThan(0.7);
    expect((draws[0]?.stderr ?? 0) / spread).toBeLessThan(1.4);
  });
});

describe("nearestRows", () => {
  it("finds the same rows as a search through all, in several blocks of either", async () => {
    const [queries, reference] = [cloud("q", 620, 5), cloud("r", 5300, 5)];
    const { index, distance } = await nearestRows(eager(), queries, source(reference));
    for (const i of [0, 1, 499, 500, 619]) {
      const all = Array.from({ length: reference.count }, (_, j) => squaredDistance(queries, i, reference, j));
      expect(distance[i]).toBe(Math.min(...all));
      expect(index[i]).toBe(all.indexOf(Math.min(...all)));
    }
  });

  it("gives a copy the distance zero", async () => {
    const reference = cloud("r", 40, 30);
    const copies = points(reference.data.slice(7 * 30, 9 * 30), 30);
    expect(await nearestRows(eager(), copies, source(reference))).toEqual({
      index: Int32Array.of(7, 8),
      distance: Float64Array.of(0, 0),
    });
  });
});
