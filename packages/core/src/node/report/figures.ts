import { type HostTensor, hostKey, hostTensor, philoxPermutation, sizeOf } from "@latentkit/jit";
import type { Dataset, Split } from "../../data.js";
import { checkFinite } from "../../finite.js";
import type { Session } from "../../session.js";
import { ACCENT } from "./chart.js";
import { type Curve, lineChart, scatterChart } from "./charts.js";
import { dataKind, labelName, rowsOf, selectRows, toPictures } from "./data-kind.js";
import { type Drawing, type Figure, pictureGrid } from "./figure.js";
import { defaultMethod, type InterpolationMethod, interpolationGrid } from "./interpolate.js";
import { principalComponents } from "./pca.js";

/** What pictures are made of. */
export interface Subject {
  readonly session: Session;
  readonly dataset: Pick<
    Dataset,
    "datum" | "labelNames" | "columns" | "tokens" | "tokenizer" | "targetTokenizer" | "sampleRate" | "splits"
  >;
  readonly seed: number;
}

/** More latents than this have no map: their principal components would take longer than a short training. */
const MAX_MAP_DIMENSIONS = 4096;
const MAX_MAP_POINTS = 5000;

/** Drawings of data: a grid of pictures, a scatter plot, curves over the dimensions, or text. @param x Shape `(n, ...datum.shape)`. */
export async function drawData(x: HostTensor, dataset: Subject["dataset"], columns?: number): Promise<Drawing> {
  const { datum } = dataset;
  const kind = dataKind(datum);
  if (kind === "images") return pictureGrid(toPictures(x, datum), { columns });
  if (kind === "tokens") return { kind: "text", texts: rowsOf(x).map((row) => textOf(row, dataset)) };
  checkFinite(x, "the values to draw");
  if (kind === "vectors") return { kind: "svg", svg: await vectorChart(rowsOf(x), dataset) };
  const dots = rowsOf(x).map(([x = 0, y = 0]) => ({ x, y }));
  return { kind: "svg", svg: await scatterChart(dots, axisTitles(dataset)) };
}

/** What a row of tokens says; their numbers where nobody knows. */
function textOf(row: readonly number[], { tokens, tokenizer, targetTokenizer }: Subject["dataset"]): string {
  const reader = targetTokenizer ?? tokenizer;
  return reader?.decode(row) ?? row.map((id) => tokens?.[id] ?? ` ${id}`).join("");
}

function axisTitles({ columns = [] }: Subject["dataset"]): { xTitle: string; yTitle: string } {
  return { xTitle: columns[0] ?? "x₁", yTitle: columns[1] ?? "x₂" };
}

/** Waveforms under one another, each between two whole numbers. */
function soundChart(rows: readonly number[][], rate: number): Promise<string> {
  const shown = rows.slice(0, 8);
  const size = Math.max(...shown.flat().map(Math.abs), 1e-9);
  const curves = shown.map((row, i): Curve => {
    const points = row.map((y, t) => [(1000 * t) / rate, -i + (0.48 * y) / size] as const);
    return { name: String(i), points, color: ACCENT };
  });
  return lineChart(curves, { xTitle: "milliseconds", yTitle: "", legend: false, height: 60 * shown.length });
}

function vectorChart(rows: readonly number[][], { columns, sampleRate }: Subject["dataset"]): Promise<string> {
  if (sampleRate !== undefined) return soundChart(rows, sampleRate);
  const curves = rows
    .slice(0, 24)
    .map((row, i): Curve => ({ name: String(i), points: row.map((y, d) => [d, y] as const) }));
  const xTitle = columns
    ? `dimension (${columns.slice(0, 6).join(", ")}${columns.length > 6 ? ", …" : ""})`
    : "dimension";
  return lineChart(curves, { xTitle, yTitle: "value", legend: false });
}

/** What the model generates. */
export async function samplesFigure({ session, dataset, seed }: Subject): Promise<Figure> {
  const n = { images: 64, points: 2000, vectors: 16, tokens: 4 }[dataKind(dataset.datum)];
  const x = await session.sample({ n, seed });
  const caption = `${n.toLocaleString("en")} ${dataKind(dataset.datum) === "images" ? "pictures" : "examples"} generated from noise, none of them chosen.`;
  return { name: "samples", title: "Samples", caption, drawing: await drawData(x, dataset) };
}

/** The same noise at several values of one sampling option, a row each; `undefined` when the model names none. Pictures only. */
export async function ladderFigure({ session, dataset, seed }: Subject): Promise<Figure | undefined> {
  const { ladder } = session.model;
  if (ladder === undefined || dataKind(dataset.datum) !== "images") return undefined;
  const n = 10;
  const rows: HostTensor[] = [];
  for (const value of ladder.values) rows.push(await session.sample({ n, seed, options: { [ladder.option]: value } }));
  const x = hostTensor(
    rows.flatMap((row) => Array.from(row.data)),
    [rows.length * n, ...dataset.datum.shape],
  );
  const caption = `The same noise sampled with ${ladder.option} ${ladder.values.join(", ")}, from top to bottom.`;
  return { name: "ladder", title: `Samples by ${ladder.option}`, caption, drawing: await drawData(x, dataset, n) };
}

/** Test examples beside what decoder makes of their latents; `undefined` without a latent space. */
export async function reconstructionsFigure(latents: Latents | undefined): Promise<Figure | undefined> {
  if (latents === undefined) return undefined;
  const { dataset, split } = latents;
  const kind = dataKind(dataset.datum);
  const wanted = { images: 20, points: 300, vectors: 4, tokens: 4 }[kind];
  const indices = variedExamples(split, latents.z.shape[0] as number, wanted);
  const { original, reconstruction } = await reconstruct(latents, indices);
  const caption = "Examples of the test set (first) and what the decoder makes of their latents (second).";
  const drawing = await drawPairs(original, reconstruction, dataset);
  return { name: "reconstructions", title: "Reconstructions", caption, drawing, wide: kind === "images" };
}

/** Originals and reconstructions in one drawing: rows take turns, or two colours. */
export async function drawPairs(
  original: HostTensor,
  reconstruction: HostTensor,
  dataset: Subject["dataset"],
): Promise<Drawing> {
  const { datum } = dataset;
  const kind = dataKind(datum);
  if (kind === "images") {
    const columns = Math.min(10, original.shape[0] as number);
    return pictureGrid(alternateRows(toPictures(original, datum), toPictures(reconstruction, datum), columns), {
      columns,
    });
  }
  if (kind === "tokens") return drawData(alternateRows(original, reconstruction, 1), dataset);
  checkFinite(reconstruction, "the reconstructions");
  const named = [[original, "original"] as const, [reconstruction, "reconstruction"] as const];
  if (kind === "points") {
    const dots = named.flatMap(([x, group]) => rowsOf(x).map(([x = 0, y = 0]) => ({ x, y, group })));
    return {
      kind: "svg",
      svg: await scatterChart(dots, { ...axisTitles(dataset), groups: ["original", "reconstruction"] }),
    };
  }
  const curves = rowsOf(original).flatMap((_, i) =>
    named.map(
      ([x, name]): Curve => ({
        name: `${name} ${i + 1}`,
        points: (rowsOf(x)[i] as number[]).map((y, d) => [d, y] as const),
      }),
    ),
  );
  return { kind: "svg", svg: await lineChart(curves, { xTitle: "dimension", yTitle: "value" }) };
}

/** Blocks of `columns` originals, each followed by its reconstructions; empty places are black. */
function alternateRows(a: HostTensor, b: HostTensor, columns: number): HostTensor {
  const n = a.shape[0] as number;
  const rest = a.shape.slice(1);
  const size = sizeOf(rest);
  const blocks = Math.ceil(n / columns);
  const data = new (a.data.constructor as Float32ArrayConstructor)(2 * blocks * columns * size);
  for (let i = 0; i < n; i++) {
    const place = 2 * Math.floor(i / columns) * columns + (i % columns);
    data.set(a.data.subarray(i * size, (i + 1) * size) as Float32Array, place * size);
    data.set(b.data.subarray(i * size, (i + 1) * size) as Float32Array, (place + columns) * size);
  }
  return { shape: [2 * blocks * columns, ...rest], dtype: a.dtype, data };
}

/** The latents of a split's first examples. */
export interface Latents extends Subject {
  readonly split: Split;
  /** Shape `(n, ...latent.shape)`. */
  readonly z: HostTensor;
}

/** Encodes the test split once for all figures; `undefined` when the model cannot encode. */
export async function testLatents(subject: Subject): Promise<Latents | undefined> {
  const { latentSpace } = subject.session;
  if (!latentSpace?.canEncode) return undefined;
  const split = subject.dataset.splits.test;
  const limit = Math.ceil(MAX_MAP_POINTS / latentSpace.encodeSteps); // so that a way of many steps takes no longer
  const z = await subject.session.encode(split, { limit, seed: subject.seed });
  return { ...subject, split, z };
}

/** Decodes the latents of some examples. Labels go along where the data have them, for conditional models. */
export async function reconstruct(
  { session, split, z }: Latents,
  indices: readonly number[],
): Promise<{ original: HostTensor; reconstruction: HostTensor }> {
  const { x, label } = split.gather(indices) as { x: HostTensor; label?: HostTensor };
  return { original: x, reconstruction: await session.decode(selectRows(z, indices), label) };
}

/** The way from one test example to another through latent space, decoded. */
export async function interpolate(
  { session, split, z }: Latents,
  pairs: readonly (readonly [from: number, to: number])[],
  steps: number,
  method: InterpolationMethod,
): Promise<HostTensor> {
  const { label } = split.gather(pairs.flat()) as { label?: HostTensor };
  const halfway = Array.from({ length: steps }, (_, i) => (2 * i < steps ? 0 : 1));
  const labels =
    label &&
    selectRows(
      label,
      pairs.flatMap((_, p) => halfway.map((end) => 2 * p + end)),
    );
  return session.decode(interpolationGrid(z, pairs, steps, method), labels);
}

/**
 * Ways between latents drawn from the prior, decoded. Where the data are labelled, way `i` keeps label `i` from end to end.
 *
 * @returns Shape `(count * steps, ...datum.shape)`.
 */
export async function interpolateDrawn(
  { session, dataset, seed }: Subject,
  count: number,
  steps: number,
  method: InterpolationMethod,
): Promise<HostTensor> {
  const z = session.drawLatents(2 * count, seed);
  const pairs = Array.from({ length: count }, (_, i) => [2 * i, 2 * i + 1] as const);
  const { classes } = dataset.datum;
  const labels =
    classes === undefined
      ? undefined
      : hostTensor(
          pairs.flatMap((_, i) => Array<number>(steps).fill(i % classes)),
          [count * steps],
          "int32",
        );
  return session.decode(interpolationGrid(z, pairs, steps, method), labels);
}

/** Ways between test examples, or between drawn latents when the model cannot encode; `undefined` without a latent space. */
export async function interpolationFigure(subject: Subject, latents: Latents | undefined): Promise<Figure | undefined> {
  const { latentSpace: latent } = subject.session;
  const { dataset } = subject;
  const kind = dataKind(dataset.datum);
  if (latent === undefined || kind === "tokens") return undefined;
  const method = defaultMethod(sizeOf(latent.shape));
  const steps = kind === "images" ? 12 : 24;
  const count = kind === "vectors" ? 1 : 5;
  const x =
    latents === undefined
      ? await interpolateDrawn(subject, count, steps, method)
      : await interpolate(latents, variedPairs(latents.split, latents.z.shape[0] as number, count), steps, method);
  const way = method === "slerp" ? "Spherical" : "Straight";
  const ends = latents === undefined ? "pairs of drawn latents" : "pairs of test examples";
  const caption = `${way} steps through latent space between ${ends}, decoded.`;
  return {
    name: "interpolation",
    title: "Interpolation",
    caption,
    drawing: await drawWays(x, dataset, steps),
    wide: kind === "images",
  };
}

/** Interpolations as a strip of pictures, or as lines through the plane. */
export async function drawWays(x: HostTensor, dataset: Subject["dataset"], steps: number): Promise<Drawing> {
  if (dataKind(dataset.datum) !== "points") return drawData(x, dataset, steps);
  checkFinite(x, "the interpolations");
  const rows = rowsOf(x);
  const ways = Array.from({ length: rows.length / steps }, (_, p) => `way ${p + 1}`);
  const dots = rows.map(([x = 0, y = 0], i) => ({ x, y, group: ways[Math.floor(i / steps)] as string }));
  return { kind: "svg", svg: await scatterChart(dots, { ...axisTitles(dataset), groups: ways }) };
}

/** Where the test set lies in latent space, coloured by label; `undefined` without one, or with more dimensions than can be drawn. */
export async function latentMapFigure(latents: Latents | undefined): Promise<Figure | undefined> {
  const size = latents === undefined ? 0 : sizeOf(latents.z.shape.slice(1));
  if (latents === undefined || size < 2 || size > MAX_MAP_DIMENSIONS) return undefined;
  const { dataset, split, z, seed } = latents;
  checkFinite(z, "the latents");
  const rows = rowsOf(z);
  const plane = size === 2 ? undefined : principalComponents(rows);
  const points = plane?.points ?? rows;
  const label = split.fields.label && split.gather(rows.map((_, i) => i)).label;
  const svg = await mapChart(points, label?.data, { dataset, seed }, mapAxes(plane?.explained));
  const space = plane
    ? `the plane of most variance of the ${size}-dimensional latent space`
    : "the two latent dimensions";
  const caption = `Latent means of ${rows.length.toLocaleString("en")} test examples in ${space}${label ? ", coloured by label" : ""}.`;
  return { name: "latent-map", title: "Map of the latent space", caption, drawing: { kind: "svg", svg } };
}

/** Points of the plane, coloured by their labels if there are any. */
export function mapChart(
  points: readonly (readonly number[])[],
  labels: ArrayLike<number> | undefined,
  { dataset, seed }: Pick<Subject, "dataset" | "seed">,
  axes: { readonly xTitle: string; readonly yTitle: string },
): Promise<string> {
  const order = philoxPermutation(hostKey(seed, "map"), points.length); // so that no class covers the others
  const dots = Array.from(order, (i) => {
    const [x = 0, y = 0] = points[i] ?? [];
    return labels ? { x, y, group: labelName(dataset, labels[i] as number) } : { x, y };
  });
  const groups = labels && Array.from({ length: dataset.datum.classes ?? 0 }, (_, c) => labelName(dataset, c));
  return scatterChart(dots, { ...axes, ...(groups ? { groups } : {}) });
}

function mapAxes(explained: readonly [number, number] | undefined): { xTitle: string; yTitle: string } {
  if (explained === undefined) return { xTitle: "latent dimension 1", yTitle: "latent dimension 2" };
  const title = (i: 0 | 1) => `principal component ${i + 1} (${(100 * explained[i]).toFixed(0)} % of variance)`;
  return { xTitle: title(0), yTitle: title(1) };
}

/** Positions of `count` examples that show every class in turn; the first ones when the data have no labels. */
export function variedExamples(split: Split, size: number, count: number): number[] {
  const n = Math.min(size, split.size, 5000);
  const all = Array.from({ length: n }, (_, i) => i);
  if (split.fields.label === undefined) return all.slice(0, count);
  const labels = split.gather(all).label?.data as ArrayLike<number>;
  const byClass = new Map<number, number[]>();
  for (const i of all) byClass.set(labels[i] as number, [...(byClass.get(labels[i] as number) ?? []), i]);
  const queues = [...byClass].sort(([a], [b]) => a - b).map(([, indices]) => indices);
  const turns = Math.max(...queues.map((queue) => queue.length));
  const varied = Array.from({ length: turns }, (_, turn) =>
    queues.flatMap((queue) => queue.slice(turn, turn + 1)),
  ).flat();
  return varied.slice(0, count);
}

/** Pairs of different examples, of different classes where the data have them. */
export function variedPairs(split: Split, size: number, count: number): [number, number][] {
  const examples = variedExamples(split, size, 2 * count);
  const pairs = Array.from({ length: Math.floor(examples.length / 2) }, (_, i) => [
    examples[2 * i],
    examples[2 * i + 1],
  ]);
  return pairs as [number, number][];
}
