import { type HostTensor, hostTensor } from "@latentkit/jit";
import type { Split } from "../../data.js";
import { encodePng } from "../../images.js";
import { ACCENT, SECOND } from "./chart.js";
import { lineChart } from "./charts.js";
import { dataKind, extent, rowsOf } from "./data-kind.js";
import type { Figure } from "./figure.js";
import type { Subject } from "./figures.js";

/** Pixels of a density picture in each direction. */
const PIXELS = 240;

/** The density of the plane as the model sees it; `undefined` for other data and models without an exact likelihood. */
export async function densityFigure({ session, dataset, seed }: Subject): Promise<Figure | undefined> {
  const { logProb } = session.model;
  if (logProb === undefined || dataKind(dataset.datum) !== "points") return undefined;
  const { test } = dataset.splits;
  const [x, y] = windowOf(test);
  const points = new Float32Array(2 * PIXELS * PIXELS);
  for (let row = 0; row < PIXELS; row++) {
    for (let column = 0; column < PIXELS; column++) {
      const at = 2 * (row * PIXELS + column);
      points[at] = x[0] + ((column + 0.5) / PIXELS) * (x[1] - x[0]);
      points[at + 1] = y[1] - ((row + 0.5) / PIXELS) * (y[1] - y[0]); // rows run down, the axis up
    }
  }
  const values = await session.perExample(logProb, splitOf(hostTensor(points, [PIXELS * PIXELS, 2]), test), {
    batchSize: 4800,
    seed,
  });
  const densities = Float32Array.from(values.data, (value) => Math.exp(value));
  const bytes = encodePng({ width: PIXELS, height: PIXELS, channels: 3, data: heat(densities) });
  const names = [x, y].map(([low, high]) => `[${low.toFixed(1)}, ${high.toFixed(1)}]`).join(" x ");
  return {
    name: "density",
    title: "Density",
    caption: `The model's density on ${names}: dark is none, bright the highest.`,
    drawing: { kind: "png", bytes, width: PIXELS, height: PIXELS },
  };
}

/** What the model makes of a straight grid of latent space: where lines are close, density is high. `undefined` without a latent plane. */
export async function warpedGridFigure({ session, dataset }: Subject): Promise<Figure | undefined> {
  const { latentSpace: latent } = session;
  if (dataKind(dataset.datum) !== "points" || latent?.shape.join() !== "2" || dataset.datum.classes !== undefined) {
    return undefined;
  }
  const places = Array.from({ length: 13 }, (_, i) => -3 + i / 2);
  const along = Array.from({ length: 121 }, (_, i) => -3 + i / 20);
  const lines = [...places.map((a) => along.map((b) => [a, b])), ...places.map((a) => along.map((b) => [b, a]))];
  const z = hostTensor(Float32Array.from(lines.flat(2)), [lines.length * along.length, 2]);
  const rows = rowsOf(await session.decode(z));
  const curves = lines.map((line, i) => ({
    name: String(i),
    color: i < places.length ? ACCENT : SECOND,
    points: rows.slice(i * line.length, (i + 1) * line.length) as [number, number][],
  }));
  const svg = await lineChart(curves, { xTitle: "x₁", yTitle: "x₂", legend: false, height: 430 });
  return {
    name: "warped-grid",
    title: "Warped grid",
    caption:
      "Straight lines through latent space, from -3 to 3 standard deviations, decoded into the plane of the data; one colour a direction.",
    drawing: { kind: "svg", svg },
  };
}

/** Intervals of both coordinates that hold the split's points, with a margin. */
function windowOf(split: Split): [[number, number], [number, number]] {
  const rows = rowsOf(split.gather(Array.from({ length: Math.min(split.size, 5000) }, (_, i) => i)).x as HostTensor);
  return [0, 1].map((d) => {
    const [low, high] = extent(rows.map((row) => row[d] as number));
    const margin = 0.08 * (high - low || 1);
    return [low - margin, high + margin];
  }) as [[number, number], [number, number]];
}

/** Points as a split; labels are those of the first example, which only conditional models look at. */
function splitOf(x: HostTensor, like: Split): Split {
  return {
    size: x.shape[0] as number,
    fields: like.fields,
    gather(indices) {
      const rows = Array.from(indices, (i) => [x.data[2 * i] as number, x.data[2 * i + 1] as number]);
      const others = like.gather(rows.map(() => 0));
      return { ...others, x: hostTensor(Float32Array.from(rows.flat()), [rows.length, 2]) };
    },
  };
}

/** Anchors of a colour scale from dark blue over red to light yellow, near that of "inferno". */
const COLORS = [
  [0, 0, 4],
  [51, 10, 95],
  [120, 28, 109],
  [187, 55, 84],
  [237, 105, 37],
  [252, 181, 25],
  [252, 255, 164],
] as const;

/** Colours of values between 0 and the 99.5th percentile: one spike must not darken the rest. */
function heat(values: Float32Array): Uint8Array {
  const top = Float32Array.from(values).sort()[Math.floor(0.995 * (values.length - 1))] || 1;
  const data = new Uint8Array(3 * values.length);
  values.forEach((value, i) => {
    const place = Math.min(Math.max(value / top, 0), 1) * (COLORS.length - 1);
    const k = Math.min(Math.floor(place), COLORS.length - 2);
    for (let c = 0; c < 3; c++) {
      const [low, high] = [COLORS[k]?.[c] as number, COLORS[k + 1]?.[c] as number];
      data[3 * i + c] = Math.round(low + (place - k) * (high - low));
    }
  });
  return data;
}
