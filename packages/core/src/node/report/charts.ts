import type { TopLevelSpec } from "vega-lite";
import { ACCENT, CATEGORY_COLORS, compactPoints, renderChart, SECOND } from "./chart.js";
import { extent } from "./data-kind.js";

/** A dot of a scatter plot; `group` colours it. */
export interface Dot {
  readonly x: number;
  readonly y: number;
  readonly group?: string;
}

export interface ScatterOptions {
  readonly xTitle: string;
  readonly yTitle: string;
  /** Groups in the order of the legend; no legend when absent. */
  readonly groups?: readonly string[];
  /** Title of the legend. */
  readonly groupTitle?: string;
}

const SIDE = 430;
const PANEL_SIDE = 150;
/** Groups beyond this many get no legend: nobody can tell their colours apart. */
const MAX_LEGEND = 20;

/** A square scatter plot in which one unit is as long in x as in y. */
export async function scatterChart(dots: readonly Dot[], options: ScatterOptions): Promise<string> {
  const { xTitle, yTitle, groups } = options;
  const [xDomain, yDomain] = equalDomains(dots);
  const many = dots.length > 600;
  const diameter = many ? 3.4 : 5.5;
  const opacity = many ? 0.55 : 0.85;
  const axis = (field: "x" | "y", title: string, domain: readonly number[]) =>
    ({
      field,
      type: "quantitative",
      title,
      scale: { domain, nice: false, zero: false },
      axis: { tickCount: 6 },
    }) as const;
  const spec = {
    width: SIDE,
    height: SIDE,
    data: { values: dots },
    mark: { type: "circle", size: Math.PI * (diameter / 2) ** 2, opacity, clip: true },
    encoding: {
      x: axis("x", xTitle, xDomain),
      y: axis("y", yTitle, yDomain),
      color: colorOf(groups, options.groupTitle),
    },
  } as TopLevelSpec;
  return compactPoints(await renderChart(spec), { diameter, opacity });
}

function colorOf(groups: readonly string[] | undefined, title: string | undefined): object {
  if (groups === undefined) return { value: ACCENT };
  const range =
    groups.length === 2 ? [ACCENT, SECOND] : groups.map((_, i) => CATEGORY_COLORS[i % CATEGORY_COLORS.length]);
  const legend =
    groups.length > MAX_LEGEND
      ? null
      : { title: title ?? null, orient: "bottom", columns: 10, symbolSize: 90, symbolOpacity: 1 };
  return { field: "group", type: "nominal", scale: { domain: groups, range }, legend };
}

/** Small scatter plots side by side, all with the same axes. */
export async function scatterPanels(
  panels: readonly { readonly title: string; readonly dots: readonly Dot[] }[],
  [xDomain, yDomain]: readonly [readonly number[], readonly number[]],
): Promise<string> {
  const diameter = 2.4;
  const opacity = 0.55;
  const axis = (field: "x" | "y", domain: readonly number[]) => ({
    field,
    type: "quantitative",
    title: null,
    scale: { domain, nice: false, zero: false },
    axis: null,
  });
  const spec = {
    columns: 5,
    concat: panels.map(({ title, dots }) => ({
      title: { text: title, fontSize: 11 },
      width: PANEL_SIDE,
      height: PANEL_SIDE,
      data: { values: dots },
      mark: { type: "circle", size: Math.PI * (diameter / 2) ** 2, opacity, clip: true },
      encoding: { x: axis("x", xDomain), y: axis("y", yDomain), color: { value: ACCENT } },
    })),
  } as unknown as TopLevelSpec;
  return compactPoints(await renderChart(spec), { diameter, opacity });
}

/** Two intervals of equal length that hold all points with a small margin. */
export function equalDomains(dots: readonly Dot[]): [number[], number[]] {
  const x = extent(dots.map((dot) => dot.x));
  const y = extent(dots.map((dot) => dot.y));
  const half = 0.53 * Math.max(x[1] - x[0], y[1] - y[0], 1e-9);
  return [x, y].map(([low, high]) => [(low + high) / 2 - half, (low + high) / 2 + half]) as [number[], number[]];
}

/** One curve through its points in the order given. */
export interface Curve {
  readonly name: string;
  /** One of the next free colours when absent. */
  readonly color?: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Draw its points too: for curves measured at few places. */
  readonly dots?: boolean;
}

/** Curves over a shared x axis. @param clip Leave out the first steep part of the y axis. */
export async function lineChart(
  curves: readonly Curve[],
  {
    xTitle,
    yTitle,
    height = 240,
    width = SIDE,
    clip = false,
    legend = true,
    log = "",
  }: {
    xTitle: string;
    yTitle: string;
    height?: number;
    width?: number;
    clip?: boolean;
    legend?: boolean;
    /** Axes with a logarithmic scale; values that are not positive are left out. */
    log?: "" | "x" | "y" | "xy";
  },
): Promise<string> {
  const values = curves.flatMap(({ name, points, dots }) =>
    points.filter((point) => isDrawn(point, log)).map(([x, y], at) => ({ x, y, at, name, dots: dots === true })),
  );
  const names = curves.map(({ name }) => name);
  const range = curves.map(
    ({ color }, i) => color ?? [ACCENT, SECOND, ...CATEGORY_COLORS][i % (CATEGORY_COLORS.length + 2)],
  );
  const encoding = {
    x: {
      field: "x",
      type: "quantitative",
      title: xTitle,
      scale: { nice: false, ...(log.includes("x") ? { type: "log", padding: 12 } : { zero: false }) },
      axis: { grid: false, tickCount: 6 },
    },
    y: {
      field: "y",
      type: "quantitative",
      title: yTitle,
      scale: {
        ...(log.includes("y") ? { type: "log" } : { zero: false }),
        ...(clip ? { domain: withoutStart(curves) } : {}),
      },
      axis: { tickCount: 5 },
    },
    order: { field: "at", type: "quantitative" }, // else lines are sorted by x
    color: {
      field: "name",
      type: "nominal",
      scale: { domain: names, range },
      legend: legend && names.length > 1 ? { title: null, orient: "top", symbolType: "stroke" } : null,
    },
  };
  return renderChart({
    width,
    height,
    data: { values },
    encoding,
    layer: [
      { mark: { type: "line", clip: true } },
      { transform: [{ filter: "datum.dots" }], mark: { type: "circle", size: 40, opacity: 1, clip: true } },
    ],
  } as unknown as TopLevelSpec);
}

const isDrawn = ([x, y]: readonly [number, number], log: string): boolean =>
  Number.isFinite(x) && Number.isFinite(y) && !(log.includes("x") && x <= 0) && !(log.includes("y") && y <= 0);

/** The y interval of everything but the first tenth of the way, where losses fall from anywhere. */
function withoutStart(curves: readonly Curve[]): number[] {
  const [start, end] = extent(curves.flatMap(({ points }) => points.map(([x]) => x)));
  const cut = start + 0.1 * (end - start);
  const late = curves.flatMap(({ points }) => points.filter(([x]) => x >= cut).map(([, y]) => y));
  const [low, high] = extent(late);
  const margin = 0.06 * (high - low || Math.abs(high) || 1);
  return [low - margin, high + margin];
}
