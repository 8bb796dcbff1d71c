import { resolve } from "node:path";
import {
  createContainer,
  DATASET,
  type DatasetFactory,
  type DatasetSource,
  type DependencyContainer,
  didYouMean,
  ENGINE,
  type Engine,
  type EngineFactory,
  type EngineOptions,
  EVALUATOR,
  type Evaluator,
  FEATURE_EXTRACTOR,
  type FeatureExtractor,
  LOG_SINK,
  type LogSink,
  MODEL_PLUGIN,
  type ModelPlugin,
  resolveAll,
  UserError,
} from "@latentkit/core";
import { builtinEngines, chooseEngine } from "./engines.js";
import { discoverPlugins } from "./plugins.js";
import { colorsFor } from "./terminal.js";

/** What is installed: the parts that commands put together. */
export interface App {
  readonly container: DependencyContainer;
  readonly models: readonly ModelPlugin[];
  readonly datasets: readonly DatasetFactory[];
  readonly engines: readonly EngineFactory[];
  readonly extractors: readonly FeatureExtractor[];
  readonly evaluator: Evaluator;
  readonly sinks: readonly LogSink[];
  /** Versions of the packages that models come from. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Registers what the command line brings and what the project's packages add. Warns on stderr of plugins that are broken. */
export async function createApp(): Promise<App> {
  const [
    { vaePlugin },
    { flowPlugin },
    { ganPlugin },
    { diffusionPlugin },
    { arTransformerPlugin },
    { builtinDatasets },
    { builtinExtractors },
    discovery,
  ] = await Promise.all([
    import("@latentkit/vae"),
    import("@latentkit/flow"),
    import("@latentkit/gan"),
    import("@latentkit/diffusion"),
    import("@latentkit/ar-transformer"),
    import("@latentkit/datasets"),
    import("@latentkit/evaluation-classifiers"),
    discoverPlugins(),
  ]);
  const { plugins, warnings } = withoutDoubles(
    [
      { plugin: vaePlugin as unknown as ModelPlugin, packageName: "@latentkit/vae" },
      { plugin: flowPlugin as unknown as ModelPlugin, packageName: "@latentkit/flow" },
      { plugin: ganPlugin as unknown as ModelPlugin, packageName: "@latentkit/gan" },
      { plugin: diffusionPlugin as unknown as ModelPlugin, packageName: "@latentkit/diffusion" },
      { plugin: arTransformerPlugin as unknown as ModelPlugin, packageName: "@latentkit/ar-transformer" },
    ],
    discovery.plugins,
  );
  const container = createContainer(...plugins);
  for (const dataset of builtinDatasets) container.register(DATASET, { useValue: dataset });
  for (const engine of builtinEngines) container.register(ENGINE, { useValue: engine });
  for (const extractor of builtinExtractors) container.register(FEATURE_EXTRACTOR, { useValue: extractor });
  const { yellow } = colorsFor(process.stderr);
  for (const warning of [...discovery.warnings, ...warnings]) process.stderr.write(`${yellow("warning")} ${warning}\n`);
  return {
    container,
    models: resolveAll(container, MODEL_PLUGIN),
    datasets: resolveAll(container, DATASET),
    engines: resolveAll(container, ENGINE),
    extractors: resolveAll(container, FEATURE_EXTRACTOR),
    evaluator: container.resolve(EVALUATOR),
    sinks: resolveAll(container, LOG_SINK),
    versions: Object.fromEntries(discovery.plugins.map(({ packageName, version }) => [packageName, version])),
  };
}

type Found = Awaited<ReturnType<typeof discoverPlugins>>["plugins"];
type Origin = Pick<Found[number], "plugin" | "packageName">;

/** The first plugin of a name stays; a package that the command line brings itself gives way to the project's own copy. */
function withoutDoubles(builtin: readonly Origin[], found: Found): { plugins: ModelPlugin[]; warnings: string[] } {
  const kept: Origin[] = builtin.filter((own) => !found.some(({ packageName }) => packageName === own.packageName));
  const warnings: string[] = [];
  for (const origin of found) {
    const other = kept.find(({ plugin }) => plugin.name === origin.plugin.name);
    if (other === undefined) kept.push(origin);
    else
      warnings.push(
        `plugin ${origin.packageName} is left out: "${origin.plugin.name}" is a model of ${other.packageName} already`,
      );
  }
  return { plugins: kept.map(({ plugin }) => plugin), warnings };
}

/** The model of a name. @throws UserError with the nearest name. */
export function findModel({ models }: App, name: string): ModelPlugin {
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = models.map((model) => model.name);
  throw new UserError(
    "@latentkit/cli",
    `unknown model "${name}"${didYouMean(name, names)}; known: ${names.join(", ")}`,
  );
}

/** An engine by name. @throws UserError when it is unknown, cannot run here, or cannot do what the options ask. */
export async function createEngine({ engines }: App, name: string, options: EngineOptions = {}): Promise<Engine> {
  const factory = await chooseEngine(engines, name, options);
  return factory.create(options);
}

/** Data as named behind `--data`. */
export interface DataChoice {
  readonly source: DatasetSource;
  /** `test` of `mnist:test`; absent when not named. */
  readonly split?: SplitName;
}

export type SplitName = "train" | "test" | "valid";
const SPLIT = /:(train|test|valid)$/;

/**
 * Reads `NAME[:ARGUMENT][:SPLIT]`: `mnist`, `csv:points.csv`, `mnist:test`, `csv:points.csv:test`.
 * Paths are made absolute, so that a run finds its data from any folder.
 *
 * @throws UserError for an unknown name, with the nearest one.
 */
export function findData({ datasets }: App, spec: string, options: Readonly<Record<string, unknown>>): DataChoice {
  const [name = ""] = spec.split(":");
  const factory = datasets.find((candidate) => candidate.name === name);
  if (factory === undefined) throw unknownData(spec, name, datasets);
  const { argument, split } = splitSpec(spec.slice(name.length), factory);
  const given = argument === "" ? undefined : isPath(factory) ? resolve(argument) : argument;
  const source: DatasetSource = {
    name: given === undefined ? name : `${name}:${given}`,
    options,
    load: (seed) => factory.load({ seed, options, ...(given === undefined ? {} : { argument: given }) }),
  };
  return { source, ...(split === undefined ? {} : { split }) };
}

/** @param rest What stands behind the name, colon included. */
function splitSpec(rest: string, factory: DatasetFactory): { argument: string; split: SplitName | undefined } {
  const split = SPLIT.exec(rest)?.[1] as SplitName | undefined;
  const needsArgument = factory.argument !== undefined && !factory.argument.startsWith("[");
  const before = split === undefined ? rest : rest.replace(SPLIT, "");
  const belongsToName = split !== undefined && (before !== "" || !needsArgument);
  return { argument: (belongsToName ? before : rest).slice(1), split: belongsToName ? split : undefined };
}

const isPath = ({ argument = "" }: DatasetFactory): boolean => /FILE|FOLDER|PATH/.test(argument);

function unknownData(spec: string, name: string, datasets: readonly DatasetFactory[]): UserError {
  const names = datasets.map((dataset) => dataset.name);
  const ending = /\.([a-z]+)$/i.exec(spec)?.[1]?.toLowerCase();
  const reader = names.find((known) => known === ending);
  const hint = reader === undefined ? didYouMean(name, names) : ` (did you mean "${reader}:${spec}"?)`;
  return new UserError("@latentkit/cli", `unknown data set "${name}"${hint}; known: ${names.join(", ")}`);
}
