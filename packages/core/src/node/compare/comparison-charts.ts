import type { MetricResult } from "../../evaluator.js";
import { CATEGORY_COLORS } from "../report/chart.js";
import { type Curve, lineChart } from "../report/charts.js";
import type { Figure } from "../report/figure.js";
import type { ModelResult } from "./result.js";

const QUALITY = [/^fid[A-Z]/, /^energyDistance$/];
const SIZE = { height: 300 };

/** The name of the quality metric that the moments carry. */
function qualityName(results: readonly ModelResult[]): string | undefined {
  const names = new Set(results.flatMap(({ moments }) => moments.flatMap(({ metrics }) => Object.keys(metrics))));
  return QUALITY.map((pattern) => [...names].find((name) => pattern.test(name))).find(Boolean);
}

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
  const name = qualityName(results);
  if (name === undefined) return undefined;
  const curves = curvesOf(results, ({ metrics }) => metrics[name]?.value);
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
  const curves = curvesOf(results, ({ metrics }) => {
    const found: MetricResult | undefined = metrics.logProb ?? metrics.elbo;
    return found === undefined ? undefined : -found.value;
  });
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
  const name = qualityName(results);
  if (unit === undefined || name === undefined) return undefined;
  const curves: Curve[] = results.flatMap(({ name, grades }, i) => {
    const points = (grades?.costs ?? []).flatMap(({ secondsPerSample, quality }) =>
      quality === undefined ? [] : [[secondsPerSample, quality.value] as const],
    );
    return points.length === 0 ? [] : [{ name, points, dots: true, color: colorOf(i) }];
  });
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

function curvesOf(
  results: readonly ModelResult[],
  at: (moment: ModelResult["moments"][number]) => number | undefined,
): Curve[] {
  return results.flatMap(({ name, moments }, i) => {
    const points = moments.flatMap((moment) => {
      const value = at(moment);
      return value === undefined ? [] : [[moment.seconds, value] as const];
    });
    return points.length === 0 ? [] : [{ name, points, dots: true, color: colorOf(i) }];
  });
}

/** A horizontal line as long as the curves. */
function level(name: string, value: number, curves: readonly Curve[]): Curve {
  const xs = curves.flatMap(({ points }) => points.map(([x]) => x));
  return { name, points: [Math.min(...xs), Math.max(...xs)].map((x) => [x, value] as const), color: "#68707d" };
}
