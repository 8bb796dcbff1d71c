import { hostKey, philoxNormal } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { ballSizes, compareManifolds } from "./manifold.js";
import { type Points, points } from "./points.js";

const cloud = (name: string, n: number, shift = 0, d = 3): Points =>
  points(
    Float64Array.from(philoxNormal(hostKey(0, name), n * d), (z, i) => z + (i % d === 0 ? shift : 0)),
    d,
  );

const joined = (a: Points, b: Points): Points => points(Float64Array.of(...a.data, ...b.data), a.width);

const values = async (real: Points, samples: Points) => {
  const { precision, recall, density, coverage } = await compareManifolds(real, samples);
  return { precision: precision.value, recall: recall.value, density: density.value, coverage: coverage.value };
};

describe("ballSizes", () => {
  it("are squared distances to the k-th neighbour, the point itself left out", async () => {
    const line = points(Float64Array.of(0, 1, 3, 7), 1);
    expect((await ballSizes(line, [1, 3])).map((sizes) => [...sizes])).toEqual([
      [1, 1, 4, 16],
      [49, 36, 16, 49],
    ]);
  });
});

describe("compareManifolds", () => {
  it("is perfect for identical sets", async () => {
    const set = cloud("same", 200);
    const { density, ...shares } = await values(set, set);
    expect(shares).toEqual({ precision: 1, recall: 1, coverage: 1 });
    expect(density).toBeCloseTo(6 / 5, 1); // every point lies in its own ball too
  });

  it("is nothing for disjoint sets", async () => {
    expect(await values(cloud("a", 200), cloud("b", 200, 100))).toEqual({
      precision: 0,
      recall: 0,
      density: 0,
      coverage: 0,
    });
  });

  it("tells a model that shows half of the data from one that adds what is none", async () => {
    const [left, right] = [cloud("left", 150), cloud("right", 150, 50)];
    const half = await values(joined(left, right), cloud("copy of left", 300));
    expect(half.precision).toBeGreaterThan(0.9);
    expect(half.recall).toBeGreaterThan(0.4);
    expect(half.recall).toBeLessThanOrEqual(0.5);
    expect(half.coverage).toBeLessThanOrEqual(0.5);
    const more = await values(cloud("data", 300), joined(cloud("like data", 150), right));
    expect(more.precision).toBeLessThanOrEqual(0.5);
    expect(more.recall).toBeGreaterThan(0.9);
  });

  it("has a density of about 1 and the coverage 1 - 2^-k of Naeem et al., §3.3, for equal distributions", async () => {
    const { density, coverage } = await compareManifolds(cloud("x", 1500), cloud("y", 1500));
    expect(Math.abs(density.value - 1)).toBeLessThan(0.05);
    expect(Math.abs(coverage.value - (1 - 2 ** -5))).toBeLessThan(0.03);
    expect(coverage.stderr).toBeCloseTo(Math.sqrt((coverage.value * (1 - coverage.value)) / 1499), 6);
  });

  it("is not fooled in density by one outlier among the data", async () => {
    const outlier = joined(cloud("data", 300), points(Float64Array.of(60, 0, 0), 3));
    const between = await values(outlier, cloud("far", 301, 30));
    expect(between.precision).toBeGreaterThan(0.3); // the outlier's ball reaches back to the data
    expect(between.density).toBeLessThan(0.25); // one ball in five
  });

  it("refuses sets without enough neighbours, and sets of different size", async () => {
    await expect(compareManifolds(cloud("a", 5), cloud("b", 50))).rejects.toThrow("at least 6 samples, got 5");
    await expect(compareManifolds(cloud("a", 60), cloud("b", 50))).rejects.toThrow(
      "compares sets of equal size, got 60 and 50 samples; take 50 of both",
    );
  });

  it("lets timers run while it computes", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await compareManifolds(cloud("x", 2500, 0, 24), cloud("y", 2500, 0, 24)); // a few hundred milliseconds
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
  });
});
