import { describe, expect, it } from "vitest";
import { didYouMean, editDistance, nearestName } from "./nearest.js";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["mnist", "mnist", 0],
    ["", "abc", 3],
    ["kitten", "sitting", 3],
    ["mnsit", "mnist", 1],
    ["ca", "abc", 3],
    ["learningrate", "leraningRate", 2],
  ])("%s -> %s takes %i", (a, b, expected) => {
    expect(editDistance(a, b)).toBe(expected);
    expect(editDistance(b, a)).toBe(expected);
  });
});

describe("nearestName", () => {
  const names = ["mnist", "fashion-mnist", "moby-dick", "moons", "csv", "8gaussians", "25gaussians", "testFraction"];

  it.each([
    ["mnsit", "mnist"],
    ["MNIST", "mnist"],
    ["fashionmnist", "fashion-mnist"],
    ["fashion", "fashion-mnist"],
    ["8gausians", "8gaussians"],
    ["test-fraction", "testFraction"],
    ["cvs", "csv"],
  ])("%s is %s", (typed, expected) => {
    expect(nearestName(typed, names)).toBe(expected);
  });

  it("suggests nothing when nothing is near", () => {
    expect(nearestName("imagenet", names)).toBeUndefined();
    expect(nearestName("x", names)).toBeUndefined();
    expect(nearestName("mnist", [])).toBeUndefined();
  });

  it("prints the suggestion for a message", () => {
    expect(didYouMean("mnsit", names)).toBe(' (did you mean "mnist"?)');
    expect(didYouMean("imagenet", names)).toBe("");
  });
});
