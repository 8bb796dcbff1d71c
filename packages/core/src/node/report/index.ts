import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { formatSpec } from "@latentkit/jit";
import type { Dataset } from "../../data.js";
import type { MetricResult } from "../../metric-result.js";
import { parameterCount } from "../../model-specs.js";
import type { Session } from "../../session.js";
import { withFileErrors, writeFileAtomic } from "../files.js";
import { readMetrics } from "../jsonl-sink.js";
import type { RunDescription } from "../run-description.js";
import type { RunFolder } from "../run-folder.js";
import { dataNoun } from "./data-kind.js";
import { densityFigure, warpedGridFigure } from "./density-figures.js";
import { bytesOf, endingOf, type Figure, type MissingFigure } from "./figure.js";
import {
  interpolationFigure,
  ladderFigure,
  latentMapFigure,
  reconstructionsFigure,
  samplesFigure,
  testLatents,
} from "./figures.js";
import { formatSeconds } from "./format-seconds.js";
import { lossFigures } from "./loss-figures.js";
import { type Facts, formatNumber, formatPage, formatValue, type Tile } from "./page.js";

/** What a report tells of. */
export interface ReportSubject {
  readonly folder: RunFolder;
  readonly description: RunDescription;
  readonly session: Session;
  readonly dataset: Dataset;
  /** One line about the model. */
  readonly summary: string;
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Seconds of training alone, of this call; absent when nothing was trained. */
  readonly trainSeconds?: number;
  /** Updates done in `trainSeconds`. */
  readonly trainedSteps?: number;
  readonly metrics: Readonly<Record<string, MetricResult>>;
  /** When the report was made. */
  readonly date: Date;
}

/** Files of a report. */
export interface Report {
  readonly file: string;
  /** Paths of the pictures by name. */
  readonly figures: Readonly<Record<string, string>>;
}

/**
 * Draws everything that the model can show, writes a file a picture into `figures/`, and all of it into `report.html`.
 * A picture that cannot be drawn is named in the report with the reason; it stops nothing.
 *
 * @throws UserError when the files cannot be written.
 */
export async function writeReport(subject: ReportSubject): Promise<Report> {
  const { folder } = subject;
  const figures = await drawFigures(subject);
  await withFileErrors(`cannot write ${folder.figuresFolder}`, () => mkdir(folder.figuresFolder, { recursive: true }));
  const paths: Record<string, string> = {};
  for (const figure of figures) {
    if ("reason" in figure) continue;
    const path = join(folder.figuresFolder, `${figure.name}.${endingOf(figure.drawing)}`);
    await writeFileAtomic(path, bytesOf(figure.drawing));
    paths[figure.name] = path;
  }
  await writeFileAtomic(folder.reportFile, formatReport(subject, figures));
  return { file: folder.reportFile, figures: paths };
}

async function drawFigures(subject: ReportSubject): Promise<(Figure | MissingFigure)[]> {
  const { folder, session, dataset, description } = subject;
  const source = { session, dataset, seed: description.train.seed };
  const latents = testLatents(source);
  latents.catch(() => {}); // reported by each figure that needs them
  const lines = await readMetrics(folder.metricsFile);
  const makers: [name: string, title: string, make: () => Promise<Figure | Figure[] | undefined>][] = [
    ["samples", "Samples", () => samplesFigure(source)],
    ["density", "Density", () => densityFigure(source)],
    ["warped-grid", "Warped grid", () => warpedGridFigure(source)],
    ["ladder", "Samples by one option", () => ladderFigure(source)],
    ["latent-map", "Map of the latent space", async () => latentMapFigure(await latents)],
    ["reconstructions", "Reconstructions", async () => reconstructionsFigure(await latents)],
    ["interpolation", "Interpolation", async () => interpolationFigure(source, await latents)],
    ["loss", "Loss curves", () => lossFigures(lines, session.model)],
  ];
  const figures: (Figure | MissingFigure)[] = [];
  for (const [name, title, make] of makers) {
    try {
      const made = await make();
      figures.push(...(made === undefined ? [] : Array.isArray(made) ? made : [made]));
    } catch (error) {
      figures.push({ name, title, reason: (error as Error).message });
    }
  }
  return figures;
}

function formatReport(subject: ReportSubject, figures: readonly (Figure | MissingFigure)[]): string {
  const { description, dataset, summary, date, folder } = subject;
  const { versions, command } = description;
  const again = [
    ...(command === undefined ? [] : [command]),
    `latentkit train --config ${folder.configFile} --out ${folder.path}-again`,
  ];
  return formatPage({
    title: `${description.model.name} on ${dataset.title}`,
    lead: summary,
    tiles: tilesOf(subject),
    figures,
    metrics: subject.metrics,
    warnings: subject.session.model.diagnose?.(subject.metrics) ?? [],
    facts: [
      { title: "Model", rows: flatRows(description.model.config) },
      { title: "Training", rows: flatRows(description.train) },
      { title: "Data", rows: dataRows(subject) },
      {
        title: "Machine",
        rows: [
          ["engine", description.engine.name],
          ...flatRows(description.engine.details),
          ...Object.entries(versions),
        ],
      },
    ] satisfies Facts[],
    commands: again,
    footer: `Written by latentkit on ${date.toISOString().slice(0, 16).replace("T", " ")} UTC.`,
  });
}

function tilesOf(subject: ReportSubject): Tile[] {
  const { session, step, stepsPerEpoch, trainSeconds, trainedSteps = 0, description, metrics, dataset } = subject;
  const tiles: Tile[] = Object.entries(metrics)
    .slice(0, 2)
    .map(([name, { value, stderr, n, unit }]) => ({
      label: name === "elbo" ? "Test bound" : `Test ${name}`,
      value: `${formatValue(value, stderr)} ${unit}`,
      remark: `${Number.isFinite(stderr) ? `± ${formatNumber(stderr, 2)}, ` : ""}${n.toLocaleString("en")} examples`,
    }));
  tiles.push({
    label: "Updates",
    value: step.toLocaleString("en"),
    remark: `${formatNumber(step / stepsPerEpoch, 3)} epochs`,
  });
  if (trainSeconds !== undefined && trainSeconds > 0 && trainedSteps > 0) {
    const rate = Math.round((trainedSteps * description.train.batchSize) / trainSeconds);
    tiles.push({
      label: "Training time",
      value: formatSeconds(trainSeconds),
      remark: `${rate.toLocaleString("en")} ${dataNoun(dataset.datum)} a second`,
    });
  }
  tiles.push({ label: "Parameters", value: parameterCount(session.specs).toLocaleString("en") });
  return tiles;
}

function dataRows({ description, dataset }: ReportSubject): [string, string][] {
  const { data, dataset: about } = description;
  const { train, test, valid } = about.sizes;
  const sizes = [`${train.toLocaleString("en")} train`, `${test.toLocaleString("en")} test`];
  if (valid !== undefined) sizes.push(`${valid.toLocaleString("en")} validation`);
  const { x } = dataset.splits.train.fields;
  return [
    ["name", data.name],
    ...flatRows(data.options),
    ["examples", sizes.join(", ")],
    ...(x ? [["one example", formatSpec(x)] as [string, string]] : []),
    ["source", about.source],
    ["licence", about.licence],
    ...Object.entries(about.files).map(([file, hash]): [string, string] => [file, `sha256 ${hash.slice(0, 16)}…`]),
  ];
}

/** Nested options as dotted names. */
function flatRows(options: object, prefix = ""): [string, string][] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const path = `${prefix}${name}`;
    const nested = typeof value === "object" && value !== null && !Array.isArray(value);
    return nested
      ? flatRows(value, `${path}.`)
      : [[path, typeof value === "string" ? value : JSON.stringify(value)] as [string, string]];
  });
}
