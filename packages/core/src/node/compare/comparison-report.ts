import { systemClock } from "../../clock.js";
import type { Dataset } from "../../data.js";
import { writeFileAtomic } from "../files.js";
import type { Figure } from "../report/figure.js";
import { formatSeconds } from "../report/format-seconds.js";
import { escapeHtml, formatDocument, formatFigures } from "../report/page.js";
import { comparisonCharts } from "./comparison-charts.js";
import type { ComparisonFolder, ComparisonPlan } from "./comparison-folder.js";
import { comparisonNotes, comparisonTable } from "./comparison-table.js";
import type { ModelResult } from "./result.js";
import { loadFigure, storeFigure } from "./stored-figure.js";

/** What a comparison's report is made of. */
export interface ComparisonSubject {
  readonly folder: ComparisonFolder;
  readonly plan: ComparisonPlan;
  readonly dataset: Dataset;
  /** Those that are finished, in the order of the table. */
  readonly results: readonly ModelResult[];
  readonly real: Figure;
  /** Models of the whole comparison. */
  readonly expected: number;
}

/** Writes `report.html` of what is known so far: one file that needs no network. @returns Its path. */
export async function writeComparisonReport(subject: ComparisonSubject): Promise<string> {
  const { folder, results } = subject;
  const charts = await comparisonCharts(results, subject.dataset.entropy);
  for (const chart of charts) await storeFigure(folder.figuresFolder, chart);
  const own = await Promise.all(
    results.flatMap(({ grades }) => (grades?.figures ?? []).map((figure) => loadFigure(folder.figuresFolder, figure))),
  );
  const samples = [subject.real, ...own.filter(({ name }) => name.endsWith("-samples"))];
  const others = own.filter(({ name }) => !name.endsWith("-samples"));
  const title = `${listOf(results.map(({ name }) => name))} on ${subject.dataset.title}`;
  await writeFileAtomic(
    folder.reportFile,
    formatDocument(
      title,
      [head(title, subject), table(subject), ...sections(samples, charts, others), foot(subject)].join("\n"),
    ),
  );
  return folder.reportFile;
}

function head(title: string, { plan, results, expected }: ComparisonSubject): string {
  const rest = expected - results.length;
  const missing = rest > 0 ? ` ${rest} of ${expected} models are still to come.` : "";
  const lead = `${formatSeconds(60 * plan.minutes)} of training for each model, seed ${plan.seed}; all are graded alike, on ${plan.samples.toLocaleString("en")} samples and test examples.${missing}`;
  return `<header>
<h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(lead)}</p>
</header>`;
}

function table({ results, dataset }: ComparisonSubject): string {
  const remarks = [
    "± is the standard error. Real data: as many examples of the training set, graded like samples; no model can be told from real data by a smaller difference.",
    "fid…, kid… and energyDistance: lower is better. precision, recall, density, coverage and cas: higher, up to the value of real data. copying: 0.5 is like new data, 1 is copied.",
    "A bound (elbo) is below the likelihood, so a model with a bound may be better than its number.",
    ...comparisonNotes(results),
  ];
  return `<section>
<h2>Numbers</h2>
${comparisonTable(results, dataset)}
<ul class="remarks">${remarks.map((remark) => `<li>${escapeHtml(remark)}</li>`).join("")}</ul>
</section>`;
}

function sections(
  samples: Parameters<typeof formatFigures>[0],
  charts: Parameters<typeof formatFigures>[0],
  others: Parameters<typeof formatFigures>[0],
): string[] {
  return [
    formatFigures(samples, "Samples"),
    ...(charts.length > 0 ? [formatFigures(charts, "Time and cost")] : []),
    ...(others.length > 0 ? [formatFigures(others, "Each model")] : []),
  ];
}

function foot({ plan, dataset, folder, results }: ComparisonSubject): string {
  const again = plan.command ?? `latentkit compare --resume ${folder.path}`;
  const done = results.filter(({ status }) => status === "done");
  const runs = done.map(({ name }) => `latentkit sample ${folder.runOf(name)} -n 64`);
  const date = new Date(systemClock.wallTime()).toISOString().slice(0, 16).replace("T", " ");
  return `<section>
<h2>Do it again</h2>
<pre class="command">${[again, ...runs].map(escapeHtml).join("\n")}</pre>
</section>
<footer>${escapeHtml(`Data: ${dataset.title}, ${dataset.source}, ${dataset.licence}. Written by latentkit on ${date} UTC.`)}</footer>`;
}

/** `vae, gan and flow`. */
function listOf(names: readonly string[]): string {
  if (names.length < 2) return names.join();
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
