import { expect, test } from "vitest";
import { elementsOf, SharedConstants, SMALL_CONSTANT } from "./elements.js";

test("elements are converted to their type, and kept when they have it", () => {
  const floats = Float32Array.of(1, 2);
  expect(elementsOf(floats, "float32")).toBe(floats);
  expect(elementsOf([-1, 2], "int64")).toEqual(BigInt64Array.of(-1n, 2n));
  expect(elementsOf([0xffffffff], "uint64")).toEqual(BigUint64Array.of(0xffffffffn));
  expect(elementsOf([1, 0], "bool")).toEqual(Uint8Array.of(1, 0));
});

test("small constants are one value when elements, shape and type are equal", () => {
  const constants = new SharedConstants<number>();
  let written = 0;
  const of = (n: number, shape: number[], type: "float32" | "int32") =>
    constants.of(elementsOf(new Array(n).fill(0), type), shape, type, () => ++written);
  expect(of(2, [2], "float32")).toBe(1);
  expect(of(2, [2], "float32")).toBe(1);
  expect(of(2, [1, 2], "float32")).toBe(2);
  expect(of(2, [2], "int32")).toBe(3);
  expect(of(SMALL_CONSTANT + 1, [SMALL_CONSTANT + 1], "float32")).toBe(4);
  expect(of(SMALL_CONSTANT + 1, [SMALL_CONSTANT + 1], "float32")).toBe(5);
});
