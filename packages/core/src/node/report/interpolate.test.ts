import { hostTensor } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { between, interpolationGrid } from "./interpolate.js";

describe("between", () => {
  const a = [3, 0, 4];
  const b = [0, 5, 0];

  it.each(["lerp", "slerp"] as const)("%s starts at a and ends at b", (method) => {
    for (const [t, end] of [
      [0, a],
      [1, b],
    ] as const) {
      for (const [i, x] of between(a, b, t, method).entries()) expect(x).toBeCloseTo(end[i] as number, 12);
    }
  });

  it("slerp keeps the length and turns evenly", () => {
    const cosine = (x: readonly number[]) => x.reduce((sum, value, i) => sum + value * (a[i] as number), 0) / 25;
    for (const t of [0.1, 0.25, 0.5, 0.9]) {
      const z = between(a, b, t, "slerp");
      expect(Math.hypot(...z)).toBeCloseTo(5, 12);
      expect(Math.acos(cosine(z))).toBeCloseTo((t * Math.PI) / 2, 12);
    }
  });

  it("slerp is straight between latents without an angle", () => {
    expect(between([1, 1], [3, 3], 0.5, "slerp")).toEqual([2, 2]);
    expect(between([0, 0], [2, 0], 0.5, "slerp")).toEqual([1, 0]);
  });
});

describe("interpolationGrid", () => {
  it("puts the ways one after the other", () => {
    const z = hostTensor([0, 0, 1, 0, 1, 1], [3, 2]);
    const grid = interpolationGrid(
      z,
      [
        [0, 1],
        [1, 2],
      ],
      3,
      "lerp",
    );
    expect(grid.shape).toEqual([6, 2]);
    expect([...grid.data]).toEqual([0, 0, 0.5, 0, 1, 0, 1, 0, 1, 0.5, 1, 1]);
  });
});
