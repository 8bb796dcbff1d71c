import type { GenerativeModel } from "../../model.js";
import type { MetricsLine } from "../jsonl-sink.js";
import { type Curve, lineChart } from "./charts.js";
import type { Figure } from "./figure.js";

/** Logged for the machinery, not for the reader of a loss curve. */
const MACHINERY = /(^|\/)(epoch|seconds|examplesPerSecond|gradNorm|skipped|skippedInRow)$/;

/** What a model's test curve measures, by capability: the bound or the likelihood, shown with the sign of a loss. */
function likelihoodName(model: Pick<GenerativeModel, "elbo" | "logProb">): "elbo" | "logProb" | undefined {
  return model.logProb ? "logProb" : model.elbo ? "elbo" : undefined;
}

/** Training and test curves, and the parts of the training loss, from `metrics.jsonl`. */
export async function lossFigures(lines: readonly MetricsLine[], model: GenerativeModel): Promise<Figure[]> {
  const names = new Set(lines.flatMap((line) => Object.keys(line)));
  const likelihood = likelihoodName(model);
  const comparable = likelihood !== undefined && names.has(`train/${likelihood}`);
  const losses = [...names].filter((name) => /^train\/(.*\/)?loss$/.test(name));
  const train = comparable
    ? [curveOf(lines, `train/${likelihood}`, "train", -1)]
    : losses.map((name) => curveOf(lines, name, losses.length > 1 ? name.slice(6) : "train"));
  const test =
    likelihood && names.has(`test/${likelihood}`) ? [curveOf(lines, `test/${likelihood}`, "test", -1, true)] : [];
  const yTitle =
    likelihood === "elbo" ? "negative bound (nats)" : likelihood ? "negative log-likelihood (nats)" : "loss";
  const svg = await lineChart([...train, ...test], { xTitle: "step", yTitle, height: 300, clip: true });
  const caption = `Lower is better. Training values are means between log lines; test values are of ${testedExamples(lines)}.`;
  const figure: Figure = { name: "loss", title: "Loss curves", caption, drawing: { kind: "svg", svg } };
  return [figure, ...(await partsFigure(lines, names, [...losses, `train/${likelihood}`]))];
}

/** How many examples test values are of: fewer on the way than at the end, where a limit says so. */
function testedExamples(lines: readonly MetricsLine[]): string {
  const counts = lines.map((line) => line["test/examples"]).filter((n) => typeof n === "number");
  const [least, most] = [Math.min(...counts), Math.max(...counts)].map((n) => n.toLocaleString("en"));
  if (counts.length === 0 || least === most) return "the test split";
  return `${least} examples of the test split on the way, and of ${most} at the end`;
}

async function partsFigure(
  lines: readonly MetricsLine[],
  names: ReadonlySet<string>,
  shown: readonly string[],
): Promise<Figure[]> {
  const parts = [...names].filter(
    (name) => name.startsWith("train/") && !MACHINERY.test(name) && !shown.includes(name),
  );
  if (parts.length === 0) return [];
  const curves = parts.map((name) => curveOf(lines, name, name.slice("train/".length)));
  const svg = await lineChart(curves, { xTitle: "step", yTitle: "mean of a batch", height: 300, clip: true });
  const caption = "What the training loss is made of.";
  return [{ name: "loss-parts", title: "Parts of the loss", caption, drawing: { kind: "svg", svg } }];
}

function curveOf(lines: readonly MetricsLine[], key: string, name: string, sign: 1 | -1 = 1, dots = false): Curve {
  const points = lines.flatMap((line) => {
    const value = line[key];
    return typeof value === "number" ? [[line.step, sign * value] as const] : [];
  });
  return { name, points: thin(points, 400), dots };
}

/** At most about `limit` points, evenly spaced, the last one kept. */
function thin<T>(points: readonly T[], limit: number): T[] {
  const stride = Math.ceil(points.length / limit);
  return points.filter((_, i) => i % stride === 0 || i === points.length - 1);
}
