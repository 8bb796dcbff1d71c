import { describe, expect, it } from "vitest";
import { classCounts, classDivergence, extremeShares, modesCovered, shareOf } from "./classes.js";

it("counts classes, the extreme ones and those that are there", () => {
  const counts = classCounts([0, 2, 2, 2, 0, 3, 3, 3, 3, 3], 5);
  expect([...counts]).toEqual([2, 0, 3, 5, 0]);
  expect(modesCovered(counts)).toBe(3);
  const { least, most } = extremeShares(counts);
  expect(least).toEqual({ value: 0, stderr: 0 });
  expect(most).toEqual({ value: 0.5, stderr: Math.sqrt(0.25 / 10) });
});

it("shareOf gives a binomial share", () => {
  const { value, stderr } = shareOf([0.95, 0.2, 0.99, 0.91], (p) => p > 0.9);
  expect(value).toBe(0.75);
  expect(stderr).toBeCloseTo(Math.sqrt(0.1875 / 4), 12);
});

describe("classDivergence", () => {
  const uniform = Float64Array.of(1e6, 1e6, 1e6, 1e6);

  it("is zero for equal shares and ln K for one class of K", () => {
    expect(classDivergence(Float64Array.of(25, 25, 25, 25), uniform).value).toBeCloseTo(0, 10);
    const collapsed = classDivergence(Float64Array.of(0, 100, 0, 0), uniform);
    expect(collapsed.value).toBeCloseTo(Math.log(4), 6);
    expect(collapsed.stderr).toBe(0);
  });

  it("is sum p ln p / q", () => {
    const data = Float64Array.of(5e6, 3e6, 2e6);
    const expected = 0.2 * Math.log(0.2 / 0.5) + 0.8 * Math.log(0.8 / 0.3);
    const { value, stderr } = classDivergence(Float64Array.of(200, 800, 0), data);
    expect(value).toBeCloseTo(expected, 6);
    const squares = 0.2 * Math.log(0.2 / 0.5) ** 2 + 0.8 * Math.log(0.8 / 0.3) ** 2;
    expect(stderr).toBeCloseTo(Math.sqrt((squares - expected ** 2) / 1000), 6);
  });

  it("stays finite when the data lack a class", () => {
    expect(classDivergence(Float64Array.of(1, 1), Float64Array.of(10, 0)).value).toBeLessThan(3);
  });
});
