import { hostTensor } from "@latentkit/jit";
import { decode, decodeApng } from "fast-png";
import { describe, expect, it } from "vitest";
import type { SampleFrame } from "../../compiled-scan.js";
import { syntheticDataset } from "../../testing/synthetic.js";
import { drawFilm } from "./film.js";

const frames = (steps: number, shape: readonly number[], value: (step: number, i: number) => number): SampleFrame[] =>
  Array.from({ length: steps + 1 }, (_, step) => ({
    step,
    steps,
    x: hostTensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(step, i)),
      shape,
    ),
  }));

describe("drawFilm", () => {
  const pictures = syntheticDataset({ kind: "continuous", shape: [16, 16, 1], range: [0, 1] });
  const fading = frames(20, [3, 16, 16, 1], (step) => step / 20);

  it("plays every step of pictures", async () => {
    const film = decodeApng(await drawFilm(fading, "way.apng", pictures));
    expect(film.numberOfFrames).toBe(21);
    const inside = film.frames.map(({ data }) => data[4 * film.width + 4]); // beyond the line of 2 pixels
    expect(inside).toEqual(Array.from({ length: 21 }, (_, step) => Math.round(255 * Math.fround(step / 20))));
  });

  it("shows ten moments of each sample side by side, the first and the last among them", async () => {
    const strip = decode(await drawFilm(fading, "way.png", pictures));
    expect([strip.width, strip.height]).toEqual([10 * 66 + 2, 3 * 66 + 2]);
    const row = Array.from({ length: 10 }, (_, column) => strip.data[4 * strip.width + column * 66 + 4] as number);
    expect(row[0]).toBe(0);
    expect(row[9]).toBe(255);
    expect([...row].sort((a, b) => a - b)).toEqual(row);
  });

  it("draws points in panels with the axes of the last", async () => {
    const points = syntheticDataset({ kind: "continuous", shape: [2] });
    const closing = frames(2, [30, 2], (step, i) => Math.sin(i) * (10 - 4 * step));
    const svg = new TextDecoder().decode(await drawFilm(closing, "way.svg", points));
    for (const title of ["step 0", "step 1", "step 2"]) expect(svg).toContain(title);
  });

  it("refuses files that no film of the data has", async () => {
    await expect(drawFilm(fading, "way.gif", pictures)).rejects.toThrow("--film way.gif must end in .apng or .png");
    const vectors = syntheticDataset({ kind: "continuous", shape: [5] });
    await expect(
      drawFilm(
        frames(1, [2, 5], () => 0),
        "way.png",
        vectors,
      ),
    ).rejects.toThrow("there is no film of data of shape [5]");
  });
});
