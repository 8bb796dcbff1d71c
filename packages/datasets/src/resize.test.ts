import { describe, expect, it } from "vitest";
import { cropCenter, type Image, resize } from "./resize.js";

const image = (width: number, height: number, at: (x: number, y: number) => number): Image => ({
  width,
  height,
  channels: 1,
  data: Uint8Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width))),
});

describe("resize", () => {
  it("keeps constant images, whatever the sizes", () => {
    for (const [w, h] of [
      [1, 1],
      [3, 5],
      [40, 7],
      [64, 64],
    ] as const) {
      const { data } = resize(
        image(13, 9, () => 200),
        h,
        w,
      );
      expect(data).toEqual(new Uint8Array(w * h).fill(200));
    }
  });

  it("interpolates linearly when enlarging", () => {
    // Output centres lie at 0.25, 0.75, 1.25, 1.75: outside the outer source centres the edge is repeated.
    expect(
      Array.from(
        resize(
          image(2, 1, (x) => 100 * x),
          1,
          4,
        ).data,
      ),
    ).toEqual([0, 25, 75, 100]);
  });

  it("keeps straight ramps when shrinking, away from the border", () => {
    const { data } = resize(
      image(64, 4, (x) => 4 * x),
      2,
      16,
    );
    for (let x = 2; x < 14; x++) expect(data[x]).toBe(4 * (4 * x + 1.5));
  });

  it("averages a pattern finer than the new pixels instead of aliasing", () => {
    const { data } = resize(
      image(64, 64, (x, y) => ((x + y) % 2 ? 255 : 0)),
      8,
      8,
    );
    for (const value of data) expect(Math.abs(value - 127.5)).toBeLessThanOrEqual(1);
  });

  it("keeps the mean", () => {
    const source = image(60, 60, (x, y) => (x * 7 + y * 13) % 256);
    const mean = (values: Uint8Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean(resize(source, 20, 20).data) - mean(source.data))).toBeLessThan(2);
  });

  it("keeps channels and orientation apart", () => {
    const colours: Image = {
      width: 2,
      height: 2,
      channels: 3,
      data: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9),
    };
    const { data } = resize(colours, 4, 4);
    const pixel = (x: number, y: number) => Array.from(data.subarray((y * 4 + x) * 3, (y * 4 + x) * 3 + 3));
    expect([pixel(0, 0), pixel(3, 0), pixel(0, 3), pixel(3, 3)]).toEqual([
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
      [9, 9, 9],
    ]);
  });
});

describe("cropCenter", () => {
  it("takes the middle square", () => {
    const { width, height, data } = cropCenter(image(5, 2, (x, y) => 10 * y + x));
    expect([width, height, Array.from(data)]).toEqual([2, 2, [1, 2, 11, 12]]);
    expect(Array.from(cropCenter(image(1, 3, (_, y) => y)).data)).toEqual([1]);
  });
});
