import type { DatasetFactory, FeatureExtractor, Metric, ModelPlugin } from "@latentkit/core";
import { Command, Option } from "commander";
import { type App, createApp } from "../../app.js";
import { probeEngines } from "../../engines.js";
import { UsageError } from "../../errors.js";
import { formatDefault, type OptionDoc, optionDocs } from "../../option-docs.js";
import { printResult } from "../../output.js";
import { colorsFor } from "../../terminal.js";
import { wrap } from "./wrap.js";

const TOPICS = ["models", "datasets", "engines", "metrics", "extractors"] as const;
type Topic = (typeof TOPICS)[number];

export function create(): Command {
  return new Command()
    .description("Shows models with their options, data sets with theirs, engines, metrics and what grades samples.")
    .argument("[topic]", "models, datasets, engines, metrics or extractors (default: all)", oneOf)
    .addOption(new Option("--json", "print one JSON object"))
    .action((topic: Topic | undefined, flags: { json?: boolean }) =>
      list(topic ? [topic] : TOPICS, flags.json === true),
    );
}

function oneOf(text: string): Topic {
  const found = TOPICS.find((topic) => topic === text);
  if (found !== undefined) return found;
  throw new UsageError(`list knows ${TOPICS.join(", ")}, got "${text}"`);
}

interface Named {
  readonly name: string;
  readonly summary: string;
}

interface Listing {
  readonly models?: readonly (Named & { options: OptionDoc[]; sampleOptions: OptionDoc[] })[];
  readonly datasets?: readonly (Named & { argument?: string | undefined; options: OptionDoc[] })[];
  readonly engines?: readonly (Named & { available: boolean; detail: string })[];
  readonly metrics?: readonly (Named & { onRequest: boolean; group?: string | undefined })[];
  readonly extractors?: readonly (Named & { grades: string; trainedOn: string; testAccuracy: number })[];
}

async function list(topics: readonly Topic[], json: boolean): Promise<void> {
  const app = await createApp();
  const listing: Listing = {
    ...(topics.includes("models") ? { models: app.models.map(describeModel) } : {}),
    ...(topics.includes("datasets") ? { datasets: app.datasets.map(describeData) } : {}),
    ...(topics.includes("engines") ? { engines: await describeEngines(app) } : {}),
    ...(topics.includes("metrics") ? { metrics: app.evaluator.registered.map(describeMetric) } : {}),
    ...(topics.includes("extractors") ? { extractors: app.extractors.map(describeExtractor) } : {}),
  };
  printResult(json, listing, json ? [] : format(listing));
}

function describeModel({ name, summary, config, sampleOptions }: ModelPlugin) {
  return { name, summary, options: optionDocs(config), sampleOptions: optionDocs(sampleOptions) };
}

function describeData({ name, summary, argument, options }: DatasetFactory) {
  return { name, summary, argument, options: options === undefined ? [] : optionDocs(options) };
}

function describeMetric({ name, summary, onRequest = false, group }: Metric) {
  return { name, summary, onRequest, group };
}

function describeExtractor({ name, summary, grades, trainedOn, testAccuracy }: FeatureExtractor) {
  return { name, summary, grades, trainedOn, testAccuracy };
}

async function describeEngines({ engines }: App) {
  const probed = await probeEngines(engines);
  return probed.map(({ factory, available, detail }) => ({
    name: factory.name,
    summary: factory.summary,
    available,
    detail,
  }));
}

function format({ models, datasets, engines, metrics, extractors }: Listing): string[] {
  const { bold, dim, green, yellow } = colorsFor(process.stdout);
  const lines: string[] = [];
  const section = (title: string, hint: string) =>
    lines.push(...(lines.length > 0 ? [""] : []), `${bold(title)}  ${dim(hint)}`);
  if (models) {
    section("Models", "latentkit train MODEL --set option=value");
    for (const { name, summary, options, sampleOptions } of models) {
      lines.push("", `  ${bold(name)}  ${summary}`, ...formatOptions(options, 4));
      if (sampleOptions.length > 0)
        lines.push(`    ${dim("when sampling, --set or flags of their own:")}`, ...formatOptions(sampleOptions, 4));
    }
  }
  if (datasets) {
    section("Data sets", "--data NAME[:ARGUMENT] --data-set option=value");
    for (const { name, argument, summary, options } of datasets) {
      const title =
        argument === undefined
          ? name
          : argument.startsWith("[")
            ? `${name}[:${argument.slice(1)}`
            : `${name}:${argument}`;
      lines.push(...wrap(`  ${bold(title)}  ${summary}`, 4), ...formatOptions(options, 4));
    }
  }
  if (engines) {
    section("Engines", "--engine NAME");
    for (const { name, summary, available, detail } of engines) {
      lines.push(
        ...wrap(`  ${bold(name)}  ${summary}`, 4),
        `    ${available ? green("available") : yellow("not available")}: ${detail}`,
      );
    }
  }
  if (metrics) {
    section("Metrics", "latentkit evaluate RUN --metrics a,b; models bring more of their own");
    for (const [{ summary, onRequest, group }, names] of bySummary(metrics)) {
      const when = onRequest ? dim(`  on request${group ? `, with all of "${group}"` : ""}`) : "";
      lines.push(...wrap(`  ${bold(names.join(", "))}  ${summary}${when}`, 4));
    }
  }
  if (extractors) {
    section("Extractors", "they grade samples of the data they were made for");
    for (const { name, summary, grades, trainedOn, testAccuracy } of extractors) {
      const facts = `grades ${grades}; trained on ${trainedOn}; ${(100 * testAccuracy).toFixed(2)} % of its test images right`;
      lines.push(...wrap(`  ${bold(name)}  ${summary}`, 4), ...wrap(`    ${dim(facts)}`, 4));
    }
  }
  return lines;
}

/** Every extractor brings the same metrics under names of its own: they are shown as one. */
function bySummary<T extends Named>(metrics: readonly T[]): [T, string[]][] {
  const groups = new Map<string, [T, string[]]>();
  for (const metric of metrics) {
    const group = groups.get(metric.summary);
    if (group === undefined) groups.set(metric.summary, [metric, [metric.name]]);
    else group[1].push(metric.name);
  }
  return [...groups.values()];
}

function formatOptions(options: readonly OptionDoc[], indent: number): string[] {
  const { dim, cyan } = colorsFor(process.stdout);
  return options.flatMap((option) => {
    const value = option.default === undefined ? "" : `=${formatDefault(option.default)}`;
    return wrap(
      `${" ".repeat(indent)}${cyan(option.name)}${value}  ${dim(option.type)}  ${option.description}`,
      indent + 2,
    );
  });
}
