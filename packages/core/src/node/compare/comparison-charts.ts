import type { MetricResult } from "../../metric-result.js";
import { CATEGORY_COLORS } from "../report/chart.js";
import { type Curve, lineChart } from "../report/charts.js";
import type { Figure } from "../report/figure.js";
import { qualityName } from "./grade.js";
import type { ModelResult } from "./result.js";

const SIZE = { height: 300 };

/** The name of the quality metric that the moments carry. */
const qualityOf = (results: readonly ModelResult[]): string | undefined =>
  qualityName(results.flatMap(({ moments }) => moments.flatMap(({ metrics }) => Object.keys(metrics))));

/** The charts that set models against each other; those without data are left out. */
export async function comparisonCharts(results: readonly ModelResult[], entropy?: number): Promise<Figure[]> {
  const made = [
    await qualityOverTime(results),
    await likelihoodOverTime(results, entropy),
    await costOfQuality(results),
  ];
  return made.filter((figure) => figure !== undefined);
}

async function qualityOverTime(results: readonly ModelResult[]): Promise<Figure | undefined> {
  const name = qualityOf(results);
  if (name === undefined) return undefined;
  const curves = curvesOf(
    results,
    overTime((metrics) => metrics[name]?.value),
  );
  const all = results.flatMap(({ moments }) => moments.flatMap(({ metrics }) => metrics[name] ?? []));
  const floor = all.find(({ realVsReal }) => realVsReal !== undefined)?.realVsReal?.value;
  const real = floor === undefined || floor <= 0 ? [] : [level("real data", floor, curves)];
  if (curves.length === 0) return undefined;
  const svg = await lineChart([...curves, ...real], { xTitle: "seconds of training", yTitle: name, log: "y", ...SIZE });
  const n = all[0]?.n.toLocaleString("en");
  return {
    name: "quality-over-time",
    title: "Quality against time",
    caption: `${name} of ${n} samples at moments of the training; lower is better. Below the line of real data nothing can be said.`,
    drawing: { kind: "svg", svg },
  };
}

/** Test likelihoods as losses, those that models have: exact ones and bounds. */
async function likelihoodOverTime(results: readonly ModelResult[], entropy?: number): Promise<Figure | undefined> {
  const loss = ({ logProb, elbo }: Readonly<Record<string, MetricResult>>) => {
    const found = logProb ?? elbo;
    return found === undefined ? undefined : -found.value;
  };
  const curves = curvesOf(results, overTime(loss));
  if (curves.length === 0) return undefined;
  const floor = entropy === undefined ? [] : [level("entropy of the data", entropy, curves)];
  const svg = await lineChart([...curves, ...floor], {
    xTitle: "seconds of training",
    yTitle: "nats",
    clip: true,
    ...SIZE,
  });
  return {
    name: "likelihood-over-time",
    title: "Likelihood against time",
    caption:
      "Negative log-likelihood of test data, or its bound, in nats; lower is better. Compare only models whose likelihoods are of the same data: see the remarks below the table.",
    drawing: { kind: "svg", svg },
  };
}

/** One point a way of sampling: to the left is cheap, below is good. */
async function costOfQuality(results: readonly ModelResult[]): Promise<Figure | undefined> {
  const costs = results.flatMap(({ grades }) => grades?.costs ?? []);
  const [unit] = costs.flatMap(({ quality }) => quality ?? []);
  const name = qualityOf(results);
  if (unit === undefined || name === undefined) return undefined;
  const curves = curvesOf(results, ({ grades }) =>
    (grades?.costs ?? []).map(({ secondsPerSample, quality }) => [secondsPerSample, quality?.value]),
  );
  const svg = await lineChart(curves, { xTitle: "seconds a sample", yTitle: name, log: "xy", ...SIZE });
  const ladders = results.flatMap(({ name, grades }) => {
    const labels = (grades?.costs ?? []).map(({ label }) => label).filter((label) => label !== "");
    return labels.length === 0 ? [] : [`${name} at ${labels.join(", ")}`];
  });
  return {
    name: "cost-of-quality",
    title: "Sampling cost against quality",
    caption: `${name} of ${unit.n.toLocaleString("en")} samples against the time that one of them takes in a batch; lower left is best.${ladders.length > 0 ? ` Lines: ${ladders.join("; ")}.` : ""}`,
    drawing: { kind: "svg", svg },
  };
}

/** A model has one colour in all charts. */
const colorOf = (model: number): string => CATEGORY_COLORS[model % CATEGORY_COLORS.length] as string;

/** A curve a model, of the points that have a value; none of a model without any. */
function curvesOf(
  results: readonly ModelResult[],
  pointsOf: (result: ModelResult) => readonly (readonly [x: number, y: number | undefined])[],
): Curve[] {
  return results.flatMap((result, i) => {
    const points = pointsOf(result).flatMap(([x, y]) => (y === undefined ? [] : [[x, y] as const]));
    return points.length === 0 ? [] : [{ name: result.name, points, dots: true, color: colorOf(i) }];
  });
}

/** A value at each moment of the training. */
const overTime =
  (at: (metrics: ModelResult["moments"][number]["metrics"]) => number | undefined) =>
  ({ moments }: ModelResult) =>
    moments.map(({ seconds, metrics }) => [seconds, at(metrics)] as const);

/** A horizontal line as long as the curves. */
function level(name: string, value: number, curves: readonly Curve[]): Curve {
  const xs = curves.flatMap(({ points }) => points.map(([x]) => x));
  return { name, points: [Math.min(...xs), Math.max(...xs)].map((x) => [x, value] as const), color: "#68707d" };
}
