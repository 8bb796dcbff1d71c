import { type HostTensor, sizeOf, UserError } from "@latentkit/jit";
import type { Split } from "../../data.js";
import { shareOf } from "../../evaluation/classes.js";
import type { Estimate } from "../../evaluation/frechet.js";
import { featuresOf } from "../../evaluation/linear-probe.js";
import { checkFinite } from "../../finite.js";
import { rowsOf } from "./data-kind.js";
import type { Drawing } from "./figure.js";
import { mapChart, type Subject } from "./figures.js";
import { principalComponents } from "./pca.js";

/** One map: points of the plane. */
export interface PlaneMap {
  /** Dimensions before they were reduced to two. */
  readonly dimensions: number;
  /** Share of the variance that the plane holds; 1 when there were two dimensions. */
  readonly explained: number;
  /** How often most of ten neighbours in the plane have a point's own label; absent without labels. */
  readonly neighbours?: Estimate;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A model's map of some data beside that of principal components of the values. */
export interface MapPair {
  readonly model: PlaneMap;
  readonly pca: PlaneMap;
  readonly drawing: Drawing;
}

/**
 * Reduces data to the plane twice: by the model's latents (or the features that it names) and by principal components of the values.
 *
 * @param limit Use the first so many examples.
 * @throws UserError when the model gives no features, or the data are no numbers to take components of.
 */
export async function mapBesidePca({ session, dataset, seed }: Subject, split: Split, limit: number): Promise<MapPair> {
  const features = featuresOf(session.model);
  if (features === undefined)
    throw new UserError("@latentkit/core", "this model gives no features of data: it cannot draw a map");
  const kind = dataset.datum.kind;
  if (kind !== "continuous" && kind !== "binary")
    throw new UserError("@latentkit/core", `principal components need continuous or binary data, not ${kind}`);
  const latents = await session.perExample(features, split, { seed, limit });
  checkFinite(latents, "the features");
  const n = latents.shape[0] as number;
  const { x, label } = split.gather(Array.from({ length: n }, (_, i) => i)) as { x: HostTensor; label?: HostTensor };
  const labels = label?.data as Int32Array | undefined;
  const model = planeOf(latents, labels);
  const pca = planeOf(x, labels);
  const panel = (title: string, map: PlaneMap) => panelOf(title, map, labels, dataset, seed);
  const svg = sideBySide(await panel("model", model), await panel("principal components", pca));
  return { model, pca, drawing: { kind: "svg", svg } };
}

function planeOf(values: HostTensor, labels: Int32Array | undefined): PlaneMap {
  const dimensions = sizeOf(values.shape.slice(1));
  if (dimensions < 2)
    throw new UserError("@latentkit/core", "one dimension is no map; train with at least two latents");
  const rows = rowsOf(values);
  const plane = dimensions === 2 ? undefined : principalComponents(rows);
  const points = plane?.points ?? (rows as unknown as [number, number][]);
  const explained = plane === undefined ? 1 : plane.explained[0] + plane.explained[1];
  return { dimensions, explained, points, ...(labels ? { neighbours: neighbourAgreement(points, labels) } : {}) };
}

const NEIGHBOURS = 10;

/** How often the label that most of ten nearest neighbours have is a point's own, itself left out. */
export function neighbourAgreement(points: PlaneMap["points"], labels: ArrayLike<number>): Estimate {
  const named = points.map(([x, y], i) => {
    const near = points
      .map(([u, v], j) => ({ j, distance: i === j ? Number.POSITIVE_INFINITY : (u - x) ** 2 + (v - y) ** 2 }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, NEIGHBOURS);
    const votes = new Map<number, number>();
    for (const { j } of near) votes.set(labels[j] as number, (votes.get(labels[j] as number) ?? 0) + 1);
    return [...votes].reduce((best, vote) => (vote[1] > best[1] ? vote : best), [-1, 0])[0];
  });
  return shareOf(named, (label, i) => label === labels[i]);
}

function panelOf(
  title: string,
  { points, dimensions, explained, neighbours }: PlaneMap,
  labels: Int32Array | undefined,
  dataset: Subject["dataset"],
  seed: number,
): Promise<string> {
  const agreement = neighbours && `, ${(100 * neighbours.value).toFixed(0)} % beside their own class`;
  const held = dimensions === 2 ? "" : `, ${(100 * explained).toFixed(0)} % of variance`;
  return mapChart(points, labels, { dataset, seed }, { xTitle: `${title}${held}${agreement ?? ""}`, yTitle: "" });
}

/** Two drawings as one. */
export function sideBySide(left: string, right: string): string {
  const size = (svg: string, name: string) => Number(new RegExp(`^<svg[^>]* ${name}="([\\d.]+)"`).exec(svg)?.[1] ?? 0);
  const own = (svg: string, prefix: string) => svg.replace(/(id="|url\(#)(clip|gradient_?)(\d+)/g, `$1${prefix}$2$3`);
  const width = size(left, "width") + size(right, "width");
  const height = Math.max(size(left, "height"), size(right, "height"));
  const placed = own(right, "right-").replace("<svg", `<svg x="${size(left, "width")}"`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${own(left, "left-")}${placed}</svg>`;
}
