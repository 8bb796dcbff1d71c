import type { TopLevelSpec } from "vega-lite";

/** Colours of a chart file; in a report each becomes a variable of the style sheet, so that charts follow the reader's theme. */
const INK = "#31363f";
const QUIET = "#68707d";
const LINE = "#d8dce3";
export const PAPER = "#fefefe";
export const ACCENT = "#2f6db5";
export const SECOND = "#d9772e";

const THEME: Readonly<Record<string, string>> = {
  [INK]: "var(--ink)",
  [QUIET]: "var(--quiet)",
  [LINE]: "var(--line)",
  [PAPER]: "var(--paper)",
  [ACCENT]: "var(--accent)",
  [SECOND]: "var(--second)",
};

const FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif";

const CONFIG = {
  background: PAPER,
  font: FONT,
  padding: 8,
  view: { stroke: null },
  aria: false,
  axis: {
    labelColor: QUIET,
    titleColor: INK,
    gridColor: LINE,
    domainColor: LINE,
    tickColor: LINE,
    labelFontSize: 12,
    titleFontSize: 12.5,
    titleFontWeight: 500,
    titlePadding: 8,
    gridOpacity: 0.7,
    tickCount: 6,
  },
  legend: { labelColor: INK, titleColor: QUIET, labelFontSize: 12.5, titleFontSize: 12, symbolStrokeWidth: 3 },
  header: { labelColor: INK, titleColor: QUIET, labelFontSize: 12.5 },
  title: { color: INK, fontSize: 13, fontWeight: 600 },
  line: { strokeWidth: 2 },
} as const;

/** Ten colours that can be told apart on light and dark paper. */
export const CATEGORY_COLORS = [
  "#4e79a7",
  "#f28e2b",
  "#59a14f",
  "#e15759",
  "#b07aa1",
  "#9c755f",
  "#e377c2",
  "#76b7b2",
  "#d4b02f",
  "#8c8c8c",
] as const;

/** Draws a vega-lite chart as SVG. vega is loaded by the first call only. */
export async function renderChart(spec: TopLevelSpec): Promise<string> {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  const { spec: full } = compile({ ...spec, config: { ...CONFIG, ...spec.config } } as TopLevelSpec);
  const view = new vega.View(vega.parse(full), { renderer: "none", logLevel: vega.Error });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** An SVG for a page: colours become variables of the style sheet, the fixed size becomes a limit, names are the page's own. */
export function themedSvg(svg: string, name: string): string {
  const colored = svg.replace(/#[0-9a-f]{6}\b/gi, (color) => THEME[color.toLowerCase()] ?? color);
  const named = colored.replace(/(id="|url\(#)(clip|gradient|gradient_)(\d+)/g, `$1${name}-$2$3`);
  return named.replace(/^<svg([^>]*?) width="([\d.]+)" height="[\d.]+"/, '<svg$1 style="max-width:$2px"');
}

const MARKS = /(<g class="mark-symbol role-mark[^>]*>)(.*?)<\/g>/s;
const SYMBOL = /<path transform="translate\((-?[\d.e-]+),(-?[\d.e-]+)\)" d="[^"]*" fill="(#[0-9a-f]{6})"/gi;
const MANY_POINTS = 50;
const POINTS_A_PATH = 400;

/**
 * Shrinks a scatter plot of thousands of points about tenfold: neighbouring points of one colour become one path of round dots.
 * Paths stay short, so that dense regions still look dense.
 */
export function compactPoints(svg: string, { diameter, opacity }: { diameter: number; opacity: number }): string {
  return svg.replace(MARKS, (whole, open: string, marks: string) => {
    const points = [...marks.matchAll(SYMBOL)];
    if (points.length < MANY_POINTS) return whole;
    const paths: string[] = [];
    for (let i = 0; i < points.length; i += POINTS_A_PATH)
      paths.push(...pathsByColor(points.slice(i, i + POINTS_A_PATH)));
    const stroke = `fill="none" stroke-width="${diameter}" stroke-linecap="round" stroke-opacity="${opacity}"`;
    return `${open}<g ${stroke}>${paths.join("")}</g></g>`;
  });
}

function pathsByColor(points: readonly RegExpExecArray[]): string[] {
  const byColor = new Map<string, string>();
  for (const [, x, y, color = ""] of points) {
    byColor.set(color, `${byColor.get(color) ?? ""}M${Number(x).toFixed(1)} ${Number(y).toFixed(1)}h0`);
  }
  return [...byColor].map(([color, d]) => `<path d="${d}" stroke="${color}"/>`);
}
