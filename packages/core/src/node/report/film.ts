import { extname } from "node:path";
import { type HostTensor, hostTensor, sizeOf, UserError } from "@latentkit/jit";
import { encodeApng } from "../../animation.js";
import type { SampleFrame } from "../../compiled-scan.js";
import { checkFinite } from "../../finite.js";
import { tileImages } from "../../images.js";
import { equalDomains, scatterPanels } from "./charts.js";
import { type DataKind, dataKind, rowsOf, selectRows, toPictures } from "./data-kind.js";
import { bytesOf, pictureGrid } from "./figure.js";
import { drawData, type Subject } from "./figures.js";

/** What films can be written as, by kind of data: an animated picture, or a strip of moments. */
const ENDINGS: Readonly<Record<DataKind, readonly string[]>> = {
  images: [".apng", ".png"],
  points: [".svg"],
  vectors: [],
  tokens: [".txt"],
};
/** Moments of a strip, and samples beside each other (below each other) in it. */
const MOMENTS = 10;
const STRIP_SAMPLES = 8;
/** Length of an animation without its last frame, seconds. */
const SECONDS = 2.5;

/** Refuses a film before any work is done. @throws UserError for a file name that does not fit the data. */
export function checkFilm(path: string, { datum }: Pick<Subject["dataset"], "datum">): void {
  const endings = ENDINGS[dataKind(datum)];
  if (endings.length === 0)
    throw new UserError("@latentkit/core", `--film: there is no film of data of shape [${datum.shape}]; leave it out`);
  if (endings.includes(extname(path).toLowerCase())) return;
  throw new UserError("@latentkit/core", `--film ${path} must end in ${endings.join(" or ")}`);
}

/**
 * Sampling as it went: `.apng` plays all steps; `.png` has a row for each of the first samples, noise on the left; `.svg` a panel for each moment; `.txt` a
 * text for each.
 *
 * @param frames In order, as {@link Session.sampleStream} gives them. @param path Its ending says which film.
 */
export async function drawFilm(
  frames: readonly SampleFrame[],
  path: string,
  dataset: Subject["dataset"],
): Promise<Uint8Array> {
  checkFilm(path, dataset);
  const { datum } = dataset;
  const moments = evenly(frames, MOMENTS);
  switch (extname(path).toLowerCase()) {
    case ".apng":
      return animation(frames, dataset);
    case ".png": {
      const rows = Math.min(STRIP_SAMPLES, frames[0]?.x.shape[0] as number);
      return bytesOf(pictureGrid(toPictures(strip(moments, rows), datum), { columns: moments.length }));
    }
    case ".svg":
      return bytesOf({ kind: "svg", svg: await panels(moments) });
    default: {
      const texts = await Promise.all(moments.map(({ x }) => drawData(selectRows(x, [0]), dataset)));
      const lines = texts.map((text, i) => `step ${moments[i]?.step}\n${text.kind === "text" ? text.texts[0] : ""}`);
      return bytesOf({ kind: "text", texts: lines });
    }
  }
}

/** The first, the last, and what lies evenly between. */
function evenly<T>(all: readonly T[], count: number): T[] {
  if (all.length <= count) return [...all];
  return Array.from({ length: count }, (_, i) => all[Math.round((i * (all.length - 1)) / (count - 1))] as T);
}

function animation(frames: readonly SampleFrame[], { datum }: Subject["dataset"]): Uint8Array {
  const delay = Math.min(250, Math.max(40, (1000 * SECONDS) / frames.length));
  const pictures = frames.map(({ x }) => tileImages(toPictures(x, datum)));
  return encodeApng(pictures, { delay, lastDelay: 1500 });
}

/** Row by row a sample, column by column a moment. */
function strip(moments: readonly SampleFrame[], rows: number): HostTensor {
  const [, ...shape] = (moments[0] as SampleFrame).x.shape;
  const size = sizeOf(shape);
  const data = new Float32Array(rows * moments.length * size);
  for (let row = 0; row < rows; row++) {
    for (const [column, { x }] of moments.entries())
      data.set(x.data.subarray(row * size, (row + 1) * size), (row * moments.length + column) * size);
  }
  return hostTensor(data, [rows * moments.length, ...shape]);
}

/** All panels have the axes of the last one, where the data are. */
async function panels(moments: readonly SampleFrame[]): Promise<string> {
  const dots = ({ x }: SampleFrame) => rowsOf(x).map(([x = 0, y = 0]) => ({ x, y }));
  for (const { x } of moments) checkFinite(x, "the values to draw");
  const domains = equalDomains(dots(moments[moments.length - 1] as SampleFrame));
  return scatterPanels(
    moments.map((frame) => ({ title: `step ${frame.step}`, dots: dots(frame) })),
    domains,
  );
}
