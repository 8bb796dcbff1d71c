import { decode, decodeApng } from "fast-png";
import { describe, expect, it } from "vitest";
import { encodeApng } from "./animation.js";
import type { Picture } from "./images.js";

const picture = (values: readonly number[], width = 2): Picture => ({
  width,
  height: values.length / width,
  channels: 1,
  data: Uint8Array.from(values),
});

describe("encodeApng", () => {
  const frames = [picture([0, 64, 128, 255]), picture([255, 255, 0, 0]), picture([1, 2, 3, 4])];

  it("keeps every frame, its time, and how often it plays", () => {
    const film = decodeApng(encodeApng(frames, { delay: 80, lastDelay: 900, plays: 2 }), { checkCrc: true });
    expect(film.numberOfFrames).toBe(3);
    expect(film.numberOfPlays).toBe(2);
    expect(film.frames.map((frame) => [...frame.data])).toEqual(frames.map(({ data }) => [...data]));
    expect(film.frames.map(({ delayNumber }) => delayNumber)).toEqual([80, 80, 900]);
    expect(film.frames.map(({ delayDenominator }) => delayDenominator)).toEqual([1000, 1000, 1000]);
  });

  it("is its first frame to readers that know no animation", () => {
    expect([...decode(encodeApng(frames), { checkCrc: true }).data]).toEqual([0, 64, 128, 255]);
  });

  it("refuses frames of different sizes, and none", () => {
    expect(() => encodeApng([picture([1, 2]), picture([1, 2, 3, 4])])).toThrow("a frame is 2x2x1, the first is 2x1x1");
    expect(() => encodeApng([])).toThrow(RangeError);
  });
});
