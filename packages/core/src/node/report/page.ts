import type { Estimate } from "../../evaluation/frechet.js";
import type { MetricResult } from "../../metric-result.js";
import { themedSvg } from "./chart.js";
import type { Figure, MissingFigure } from "./figure.js";
import { PAGE_STYLE } from "./page-style.js";

/** A number in large type, with a remark below. */
export interface Tile {
  readonly label: string;
  readonly value: string;
  readonly remark?: string;
}

/** A table of names and values. */
export interface Facts {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
}

/** Everything `report.html` shows. */
export interface Page {
  readonly title: string;
  readonly lead: string;
  readonly tiles: readonly Tile[];
  readonly figures: readonly (Figure | MissingFigure)[];
  readonly metrics: Readonly<Record<string, MetricResult>>;
  /** What the measurements say is wrong, one line each. */
  readonly warnings: readonly string[];
  readonly facts: readonly Facts[];
  /** Commands that do it again, one a line. */
  readonly commands: readonly string[];
  readonly footer: string;
}

/** One HTML file that needs nothing else: no network, no script. */
export function formatPage(page: Page): string {
  return formatDocument(
    page.title,
    `<header>
<h1>${escapeHtml(page.title)}</h1>
<p class="lead">${escapeHtml(page.lead)}</p>
<dl class="tiles">${page.tiles.map(formatTile).join("")}</dl>
</header>
${formatFigures(page.figures)}
<section>
<h2>Measurements</h2>
${formatMetrics(page.metrics)}
${page.warnings.map((warning) => `<p><strong>Warning:</strong> ${escapeHtml(warning)}.</p>`).join("\n")}
</section>
<section>
<h2>How it was made</h2>
<div class="columns">
${page.facts.map(formatFacts).join("\n")}
</div>
</section>
<section>
<h2>Do it again</h2>
<pre class="command">${page.commands.map(escapeHtml).join("\n")}</pre>
</section>
<footer>${escapeHtml(page.footer)}</footer>`,
  );
}

/** A whole HTML file around a body. */
export function formatDocument(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="latentkit">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

/** Figures beside and under one another, as the width allows. */
export function formatFigures(figures: readonly (Figure | MissingFigure)[], title?: string): string {
  const heading = title === undefined ? "" : `<h2>${escapeHtml(title)}</h2>\n`;
  return `<section>
${heading}<div class="figures">
${figures.map(formatFigure).join("\n")}
</div>
</section>`;
}

/** Text for HTML, attributes included. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

function formatTile({ label, value, remark }: Tile): string {
  const small = remark === undefined ? "" : `<small>${escapeHtml(remark)}</small>`;
  return `<div class="tile"><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}${small}</dd></div>`;
}

function formatFigure(figure: Figure | MissingFigure): string {
  if ("reason" in figure) {
    return `<figure><figcaption><h2>${escapeHtml(figure.title)}</h2><p>Not drawn: ${escapeHtml(figure.reason)}</p></figcaption></figure>`;
  }
  const caption = `<figcaption><h2>${escapeHtml(figure.title)}</h2><p>${escapeHtml(figure.caption)}</p></figcaption>`;
  return `<figure id="${figure.name}"${figure.wide ? ' class="wide"' : ""}>${caption}${formatDrawing(figure)}</figure>`;
}

function formatDrawing({ drawing, name, title }: Figure): string {
  if (drawing.kind === "svg") return themedSvg(drawing.svg, name);
  if (drawing.kind === "text") return drawing.texts.map((text) => `<pre>${escapeHtml(text)}</pre>`).join("");
  const { bytes, width, height } = drawing;
  const data = Buffer.from(bytes).toString("base64");
  return `<img alt="${escapeHtml(title)}" width="${width}" height="${height}" style="max-width:${2 * width}px" src="data:image/png;base64,${data}">`;
}

function formatMetrics(metrics: Page["metrics"]): string {
  const rows = Object.entries(metrics).map(([name, { value, stderr, n, unit, note, realVsReal }]) => {
    const real = realVsReal && `real data: ${formatEstimate(realVsReal)}`;
    const remarks = [real, note].filter((text) => text !== undefined).join("; ");
    const remark = remarks === "" ? "" : `<br><span class="quiet">${escapeHtml(remarks)}</span>`;
    const error = Number.isFinite(stderr) ? `± ${formatNumber(stderr, 2)}` : "";
    return `<tr><th>${escapeHtml(name)}${remark}</th><td class="number">${formatValue(value, stderr)}</td><td class="number">${error}</td><td>${escapeHtml(unit)}</td><td class="number">${n.toLocaleString("en")}</td></tr>`;
  });
  if (rows.length === 0) return '<p class="quiet">No measurement applies to this model.</p>';
  const head =
    '<tr><th>metric (test set)</th><th class="number">value</th><th class="number">standard error</th><th>unit</th><th class="number">n</th></tr>';
  return `<div class="table metrics"><table><thead>${head}</thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function formatFacts({ title, rows }: Facts): string {
  const body = rows
    .map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`)
    .join("");
  return `<div><h2>${escapeHtml(title)}</h2><div class="table"><table><tbody>${body}</tbody></table></div></div>`;
}

/** A number with so many significant digits, digits before the point never cut. */
export function formatNumber(value: number, digits: number): string {
  if (!Number.isFinite(value)) return String(value);
  const decimals = value === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(20, decimals));
}

/** `12.34 ± 0.21`; the value alone when its error is not known. */
export function formatEstimate({ value, stderr }: Estimate): string {
  const error = Number.isFinite(stderr) ? ` ± ${formatNumber(stderr, 2)}` : "";
  return `${formatValue(value, stderr)}${error}`;
}

/** A value with as many decimals as its standard error supports: two digits of the error. Whole numbers without an error are counts, and stay whole. */
export function formatValue(value: number, stderr: number): string {
  if (Number.isNaN(stderr) && Number.isInteger(value)) return String(value);
  if (!(stderr > 0) || !Number.isFinite(stderr)) return formatNumber(value, 5);
  return value.toFixed(Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(stderr)))));
}
