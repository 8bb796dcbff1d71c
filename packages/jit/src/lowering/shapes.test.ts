import { expect, test } from "vitest";
import { broadcastShape, concatShape, gatheredShape, paddedShape, reducedShape, splitShapes } from "./shapes.js";

test("shapes of element-wise kernels", () => {
  expect(broadcastShape([4, 1, 3], [2, 1])).toEqual([4, 2, 3]);
  expect(broadcastShape([1], [0])).toEqual([0]);
});

test("shapes of parts and of what they make", () => {
  expect(concatShape([{ shape: [2, 3] }, { shape: [2, 5] }], 1)).toEqual([2, 8]);
  expect(splitShapes([2, 8], [3, 5], 1)).toEqual([
    [2, 3],
    [2, 5],
  ]);
  expect(paddedShape([2, 8], [1, 0], [0, 4])).toEqual([3, 12]);
  expect(gatheredShape([5, 7, 3], [2, 4], 1)).toEqual([5, 2, 4, 3]);
  expect(gatheredShape([5, 7, 3], [5, 4], 1, 1)).toEqual([5, 4, 3]);
});

test("shapes of reductions, with the axes or without", () => {
  expect(reducedShape([2, 3, 4], [0, 2], false)).toEqual([3]);
  expect(reducedShape([2, 3, 4], [0, 2], true)).toEqual([1, 3, 1]);
});
