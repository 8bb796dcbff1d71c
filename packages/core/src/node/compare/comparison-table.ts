import type { Dataset } from "../../data.js";
import type { MetricResult } from "../../metric-result.js";
import { dataNoun } from "../report/data-kind.js";
import { formatSeconds } from "../report/format-seconds.js";
import { escapeHtml, formatEstimate, formatNumber } from "../report/page.js";
import { placeOf } from "./grade.js";
import type { Grades, ModelResult } from "./result.js";

/** One cell: what stands large, and what small below it. */
interface Cell {
  readonly text: string;
  readonly remark?: string | undefined;
}

interface Row {
  readonly title: string;
  readonly remark?: string;
  cell(grades: Grades): Cell | undefined;
  /** The same of real data. */
  readonly real?: string | undefined;
}

const count = (value: number): string => Math.round(value).toLocaleString("en");
const rate = (value: number): string => (value >= 100 ? count(value) : formatNumber(value, 3));

/** Facts of every model, whatever the data. @param noun What the data are called: `images`. */
function factRows(noun: string): Row[] {
  return [
    { title: "Parameters", cell: ({ parameters }) => ({ text: count(parameters) }) },
    {
      title: "Training time",
      remark: "updates only",
      cell: ({ trainSeconds, steps, batchSize, epochs }) => ({
        text: formatSeconds(trainSeconds),
        remark: `${count(steps)} updates of ${batchSize}, ${formatNumber(epochs, 2)} epochs`,
      }),
    },
    { title: `Training, ${noun}/s`, cell: ({ examplesPerSecond }) => ({ text: rate(examplesPerSecond) }) },
    {
      title: `Sampling, ${noun}/s`,
      cell: ({ samplesPerSecond, capabilities: { samplingSteps } }) => ({
        text: rate(samplesPerSecond),
        remark: samplingSteps === 0 ? "one pass" : `${count(samplingSteps)} steps`,
      }),
    },
  ];
}

const ABILITIES: readonly Row[] = [
  { title: "Likelihood", cell: ({ capabilities: { likelihood } }) => ({ text: likelihood }) },
  { title: "Latent space", cell: ({ capabilities: { latent } }) => ({ text: latent }) },
  {
    title: "One-shot sampling",
    cell: ({ capabilities: { samplingSteps } }) => ({ text: samplingSteps === 0 ? "yes" : "no" }),
  },
  {
    title: "Conditioning",
    remark: "as trained here",
    cell: ({ capabilities: { conditional } }) => ({ text: conditional ? "by class" : "none" }),
  },
];

const LIKELIHOODS = ["bitsPerDim", "logProb", "elbo"];

/** A row a metric that any model has a number or a refusal for. */
function metricRows(results: readonly Grades[], entropy: number | undefined): Row[] {
  const names = new Set(results.flatMap(({ metrics, refused }) => [...Object.keys(metrics), ...Object.keys(refused)]));
  const ordered = [...names].sort((a, b) => placeOf(a) - placeOf(b)); // each model has only some of them
  return ordered.map((name) => {
    const measured = results.flatMap(({ metrics }) => metrics[name] ?? []);
    const [first] = measured;
    const sizes = [...new Set(measured.map(({ n }) => n))];
    const floors = measured.flatMap(({ realVsReal }) => realVsReal ?? []);
    const sameSize = sizes.length === 1 ? [`n ${count(sizes[0] as number)}`] : [];
    const [floor] = floors;
    const best = name === "logProb" || name === "elbo" ? entropy : undefined;
    return {
      title: name,
      remark: [...(first ? [first.unit] : []), ...sameSize].join(", "),
      cell: (grades) => metricCell(name, grades, sizes.length > 1),
      ...(floor ? { real: formatEstimate(floor) } : {}),
      ...(best === undefined ? {} : { real: `${formatNumber(-best, 4)} at most` }),
    };
  });
}

function metricCell(name: string, { metrics, refused, capabilities }: Grades, withSize: boolean): Cell | undefined {
  const result = metrics[name];
  if (result === undefined) {
    const reason = refused[name];
    return reason === undefined ? undefined : { text: "not applicable", remark: reason };
  }
  const remarks = [
    ...(LIKELIHOODS.includes(name) ? [capabilities.likelihood === "exact" ? "exact" : "bound"] : []),
    ...(withSize ? [`n ${count(result.n)}`] : []),
  ];
  return { text: formatEstimate(result), remark: remarks.join(", ") };
}

/** The table of a comparison: a column a model, and one of real data where any metric has its floor. */
export function comparisonTable(
  results: readonly ModelResult[],
  { datum, entropy }: Pick<Dataset, "datum" | "entropy">,
): string {
  const done = results.flatMap(({ grades }) => grades ?? []);
  const rows = [...factRows(dataNoun(datum)), ...metricRows(done, entropy), ...ABILITIES];
  const hasReal = rows.some(({ real }) => real !== undefined);
  const head = ["", ...results.map(({ name }) => name), ...(hasReal ? ["real data"] : [])];
  const body = rows.map(
    ({ title, remark, cell, real }) =>
      `<tr><th>${breakable(formatCell({ text: title, remark }))}</th>${results
        .map((result) => `<td>${formatCell(cellOf(result, cell))}</td>`)
        .join("")}${hasReal ? `<td>${escapeHtml(real ?? "")}</td>` : ""}</tr>`,
  );
  const status = results.some(({ status }) => status !== "done") ? [statusRow(results, hasReal)] : [];
  return `<div class="table models"><table><thead><tr>${head.map((text) => `<th>${escapeHtml(text)}</th>`).join("")}</tr></thead><tbody>${[...status, ...body].join("")}</tbody></table></div>`;
}

const cellOf = ({ grades }: ModelResult, cell: Row["cell"]): Cell =>
  (grades === undefined ? undefined : cell(grades)) ?? { text: "–" };

function statusRow(results: readonly ModelResult[], hasReal: boolean): string {
  const cells = results.map(({ status, reason }) => `<td>${formatCell({ text: status, remark: reason })}</td>`);
  return `<tr><th>Status</th>${cells.join("")}${hasReal ? "<td></td>" : ""}</tr>`;
}

/** Lets a narrow column break names of metrics between their words. */
const breakable = (html: string): string => html.replace(/([a-z])([A-Z])/g, "$1<wbr>$2");

function formatCell({ text, remark = "" }: Cell): string {
  return `${escapeHtml(text)}${remark === "" ? "" : `<small>${escapeHtml(remark)}</small>`}`;
}

/** What must be known to compare the numbers, a line each: notes of metrics by the models that they belong to. */
export function comparisonNotes(results: readonly ModelResult[]): string[] {
  const byNote = new Map<string, { metrics: Set<string>; models: Set<string> }>();
  for (const { name, grades } of results) {
    for (const [metric, result] of Object.entries<MetricResult>(grades?.metrics ?? {})) {
      if (result.note === undefined) continue;
      const entry = byNote.get(result.note) ?? { metrics: new Set(), models: new Set() };
      byNote.set(result.note, { metrics: entry.metrics.add(metric), models: entry.models.add(name) });
    }
  }
  const all = results.filter(({ grades }) => grades !== undefined).length;
  return [...byNote].map(([note, { metrics, models }]) => {
    const whose = models.size === all ? "" : ` (${[...models].join(", ")})`;
    return `${[...metrics].join(", ")}${whose}: ${note}`;
  });
}
