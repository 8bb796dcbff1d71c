import { hostTensor, UserError } from "@latentkit/jit";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { encodePng, tileImages } from "./images.js";

describe("tileImages", () => {
  it("puts pictures row by row between lines, each value scaled to a square", () => {
    // Three pictures of 1 x 2 pixels; the fourth place stays empty.
    const images = hostTensor([0, 1, 0.2, 0.4, -3, 7], [3, 1, 2, 1]);
    const grid = tileImages(images, { columns: 2, padding: 1, scale: 2, background: 0.5 });
    expect(grid).toMatchObject({ width: 11, height: 7, channels: 1 });
    const rows = Array.from({ length: 7 }, (_, y) => [...grid.data.subarray(y * 11, (y + 1) * 11)]);
    const line = new Array(11).fill(128);
    const first = [128, 0, 0, 255, 255, 128, 51, 51, 102, 102, 128];
    const second = [128, 0, 0, 255, 255, 128, 128, 128, 128, 128, 128];
    expect(rows).toEqual([line, first, first, line, second, second, line]);
  });

  it("makes digits larger and keeps large pictures, as square as it can", () => {
    const size = (n: number, side: number) =>
      tileImages(hostTensor(new Float32Array(n * side ** 2), [n, side, side, 1]));
    expect(size(64, 28)).toMatchObject({ width: 8 * 58 + 2, height: 8 * 58 + 2 });
    expect(size(5, 64)).toMatchObject({ width: 3 * 66 + 2, height: 2 * 66 + 2 });
  });

  it("keeps colours and makes the lines opaque", () => {
    const rgba = tileImages(hostTensor([1, 0.6, 0.2, 0], [1, 1, 1, 4]), { scale: 1, padding: 1, background: 0 });
    expect([...rgba.data.subarray(12, 24)]).toEqual([0, 0, 0, 255, 255, 153, 51, 0, 0, 0, 0, 255]);
  });

  it("refuses NaN, other shapes and broken options", () => {
    const nan = hostTensor([0, 0, 0, Number.NaN], [2, 1, 2, 1]);
    expect(() => tileImages(nan)).toThrow(UserError);
    expect(() => tileImages(nan)).toThrow("image 1 of 2 holds NaN");
    expect(() => tileImages(hostTensor([1, 2], [1, 1, 1, 2]))).toThrow("got float32 [1,1,1,2]");
    expect(() => tileImages(hostTensor([1], [1, 1, 1, 1]), { scale: 1.5 })).toThrow("must be whole numbers");
  });
});

describe("encodePng", () => {
  it.each([1, 3, 4])("writes %i channels that a reader gives back", (channels) => {
    const data = Uint8Array.from({ length: 6 * channels }, (_, i) => (i * 37) % 256);
    const read = decode(encodePng({ width: 3, height: 2, channels, data }));
    expect(read).toMatchObject({ width: 3, height: 2, channels, depth: 8 });
    expect([...read.data]).toEqual([...data]);
  });
});
