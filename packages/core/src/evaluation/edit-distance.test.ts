import { describe, expect, it } from "vitest";
import { editDistance, errorRate, nearestEdits, ratioOfMeans } from "./edit-distance.js";

describe("editDistance", () => {
  it.each([
    ["kitten", "sitting", 3],
    ["saturday", "sunday", 3],
    ["", "abc", 3],
    ["abc", "", 3],
    ["abc", "abc", 0],
    ["flaw", "lawn", 2],
  ])("of %s and %s is %i, both ways", (a, b, distance) => {
    expect(editDistance(Array.from(a), Array.from(b))).toBe(distance);
    expect(editDistance(Array.from(b), Array.from(a))).toBe(distance);
  });
});

describe("error rates", () => {
  const words = (text: string) => text.split(" ");

  it("counts against the nearest reference, the first of equals", () => {
    const references = [words("T AH M EY T OW"), words("T AH M AA T OW")];
    expect(nearestEdits(words("T AH M AA T OW"), references)).toEqual({ edits: 0, length: 6 });
    expect(nearestEdits(words("T AH M T OW"), [words("T AH M AA T OW"), words("T M T OW")])).toEqual({
      edits: 1,
      length: 6,
    });
    expect(() => nearestEdits([1], [])).toThrow(RangeError);
  });

  it("is edits by length, all answers together", () => {
    const rate = errorRate([
      { edits: 1, length: 4 },
      { edits: 0, length: 6 },
    ]);
    expect(rate.value).toBe(10);
    expect(rate.n).toBe(2);
  });

  it("may be above 100 %", () => {
    expect(errorRate([{ edits: 3, length: 1 }]).value).toBe(300);
  });

  it("has the standard error of a ratio", () => {
    // b constant: the ratio is a mean, and so is its error.
    const a = [1, 2, 3, 4];
    const { value, stderr } = ratioOfMeans(a, [2, 2, 2, 2]);
    expect(value).toBe(1.25);
    expect(stderr).toBeCloseTo(Math.sqrt(5 / 3 / 4) / 2, 12);
  });
});
