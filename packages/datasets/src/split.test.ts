import { describe, expect, it } from "vitest";
import { createGatherSimd, gatherScaledJs } from "./scale-bytes.js";
import { byteSplit, floatSplit, tokenSplit } from "./split.js";

const ramp = Uint8Array.from({ length: 256 * 7 }, (_, i) => i % 256);

describe("byteSplit", () => {
  it("gives byte / 255 and labels in the order asked for", () => {
    const split = byteSplit(Uint8Array.of(0, 255, 51, 102, 153, 204), [1, 2, 1], Uint8Array.of(7, 8, 9));
    expect(split.size).toBe(3);
    expect(split.fields).toEqual({ x: { shape: [1, 2, 1], dtype: "float32" }, label: { shape: [], dtype: "int32" } });
    const { x, label } = split.gather([2, 0, 2]);
    expect(x).toEqual({ shape: [3, 1, 2, 1], dtype: "float32", data: Float32Array.of(0.6, 0.8, 0, 1, 0.6, 0.8) });
    expect(label).toEqual({ shape: [3], dtype: "int32", data: Int32Array.of(9, 7, 9) });
  });

  it("has no label field without labels", () => {
    const split = byteSplit(Uint8Array.of(1, 2), [1]);
    expect(Object.keys(split.fields)).toEqual(["x"]);
    expect(Object.keys(split.gather([0]))).toEqual(["x"]);
  });

  it("gives fresh arrays each call", () => {
    const split = byteSplit(Uint8Array.of(255, 0), [1]);
    const first = split.gather([0]).x?.data as Float32Array;
    first[0] = 5;
    expect(split.gather([0]).x?.data).toEqual(Float32Array.of(1));
  });

  it.each([-1, 2, 0.5, Number.NaN])("refuses index %d of 2 examples", (index) => {
    expect(() => byteSplit(Uint8Array.of(1, 2), [1]).gather([0, index])).toThrow(/index .* at position 1/);
  });

  it("gathers nothing from no indices", () => {
    expect(byteSplit(ramp, [7]).gather([]).x).toEqual({ shape: [0, 7], dtype: "float32", data: new Float32Array(0) });
  });
});

describe("gatherScaled", () => {
  const simd = createGatherSimd();

  it("rounds all 256 bytes correctly in both implementations", () => {
    const expected = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
    expect(gatherScaledJs(ramp, 256, [3])).toEqual(expected);
    expect(simd?.(ramp, 256, [3])).toEqual(expected);
  });

  it.each([1, 3, 16, 28, 784, 50_000])(
    "gives the same bits for rows of %i bytes, however they fill the chunks",
    (width) => {
      const bytes = Uint8Array.from({ length: width * 5 }, (_, i) => (i * 2654435761) >>> 24);
      const rows = Array.from({ length: Math.min(131, 400_000 / width) }, (_, i) => (i * 3) % 5);
      const found = simd?.(bytes, width, rows);
      expect(found).toHaveLength(rows.length * width);
      expect(Buffer.compare(bytesOf(found), bytesOf(gatherScaledJs(bytes, width, rows)))).toBe(0);
    },
  );
});

describe("floatSplit", () => {
  it("collects vectors", () => {
    const split = floatSplit(Float32Array.of(1, 2, 3, 4), [2], Int32Array.of(0, 1));
    expect(split.gather(Int32Array.of(1, 0, 1))).toEqual({
      x: { shape: [3, 2], dtype: "float32", data: Float32Array.of(3, 4, 1, 2, 3, 4) },
      label: { shape: [3], dtype: "int32", data: Int32Array.of(1, 0, 1) },
    });
  });
});

describe("tokenSplit", () => {
  const tokens = Int32Array.of(0, 1, 2, 3, 4, 5, 6);

  it("overlaps windows by the stride", () => {
    const split = tokenSplit(tokens, 3, 1);
    expect(split.size).toBe(5);
    expect(split.gather([4, 0]).x).toEqual({ shape: [2, 3], dtype: "int32", data: Int32Array.of(4, 5, 6, 0, 1, 2) });
  });

  it("drops an incomplete last window", () => {
    const split = tokenSplit(tokens, 3, 3);
    expect(split.size).toBe(2);
    expect(split.gather([1]).x?.data).toEqual(Int32Array.of(3, 4, 5));
  });
});

function bytesOf(values: Float32Array = new Float32Array()): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
