import { describe, expect, it } from "vitest";
import { allOf, expectRefusal } from "../../test/files.js";
import { densities, entropyOf } from "../../test/toy-densities.js";
import { TOYS, type ToyName, toy } from "../index.js";

const names = Object.keys(TOYS) as ToyName[];

describe.each(names)("%s", (name) => {
  it("is a function of the seed", async () => {
    const small = { train: 1000, test: 100 };
    const [a, again, other] = await Promise.all([0, 0, 1].map((seed) => toy(name, small).load(seed)));
    if (!a || !again || !other) throw new Error("three data sets expected");
    expect(allOf(a.splits.train)).toEqual(allOf(again.splits.train));
    expect(allOf(a.splits.train)).not.toEqual(allOf(other.splits.train));
    expect(allOf(a.splits.train).slice(0, 200)).not.toEqual(allOf(a.splits.test));
    const fixed = await toy(name, { ...small, dataSeed: 0 }).load(1);
    expect(allOf(fixed.splits.train)).toEqual(allOf(a.splits.train));
  });

  it("describes itself", async () => {
    const data = await toy(name).load(3);
    expect([data.splits.train.size, data.splits.test.size]).toEqual([100_000, 10_000]);
    expect(data.datum.shape).toEqual([2]);
    expect(data.entropy).toBe(TOYS[name].entropy);
    const labels = data.datum.classes ? new Set(allOf(data.splits.train, "label")) : new Set();
    expect(labels.size).toBe(data.datum.classes ?? 0);
    const points = allOf(data.splits.train);
    expect(points.every(Number.isFinite)).toBe(true);
    const [low, high] = data.datum.range ?? [-6, 6];
    expect(Math.min(...points.slice(0, 50_000))).toBeGreaterThanOrEqual(low);
    expect(Math.max(...points.slice(0, 50_000))).toBeLessThanOrEqual(high);
  });

  it("has the entropy stated, by quadrature of its density", () => {
    const { entropy, entropyError } = TOYS[name];
    const { entropy: found, mass } = entropyOf(densities[name]);
    expect(Math.abs(mass - 1)).toBeLessThan(1e-5);
    expect(Math.abs(found - entropy)).toBeLessThan(entropyError + 1e-4); // the test's own grid is coarser than the one that gave the value
  });

  it("draws points from that density: their mean -ln p is the entropy, within 4 standard errors", async () => {
    const n = 4000;
    const points = allOf((await toy(name, { train: n, test: 1 }).load(7)).splits.train);
    const losses = Array.from(
      { length: n },
      (_, i) => -Math.log(densities[name].at(points[2 * i] as number, points[2 * i + 1] as number)),
    );
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / n;
    const variance = losses.reduce((sum, loss) => sum + (loss - mean) ** 2, 0) / (n - 1);
    expect(Math.abs(mean - TOYS[name].entropy)).toBeLessThan(4 * Math.sqrt(variance / n) + 2e-4);
  });
});

describe("toys", () => {
  it("8gaussians lies a little below ln(2 pi e), by the overlap", () => {
    const bound = Math.log(2 * Math.PI * Math.E);
    expect(TOYS["8gaussians"].entropy).toBeLessThan(bound);
    expect(TOYS["8gaussians"].entropy).toBeGreaterThan(bound - 0.01);
  });

  it("checkerboard is exactly ln 32", () => {
    expect(TOYS.checkerboard.entropy).toBeCloseTo(3.4657359, 7);
  });

  it("refuses sizes that are not positive integers", async () => {
    await expectRefusal(
      toy("moons", { train: 0 }).load(0),
      "option train of moons must not be 0",
      "a positive integer",
    );
  });
});
