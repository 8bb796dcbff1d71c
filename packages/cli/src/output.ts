import type { MetricResult } from "@latentkit/core";
import { formatEstimate } from "@latentkit/core/node";
import { colorsFor } from "./terminal.js";

/** The result of a command: lines for people, or one JSON object as the last line of stdout. */
export function printResult(json: boolean, value: object, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(value, plainNumber)}\n` : lines.map((line) => `${line}\n`).join(""));
}

/** `1 text`, `2 texts`. */
export const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

/** JSON has no NaN: an error that is not known is null. */
const plainNumber = (_key: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? null : value;

/** `elbo  -99.85 ± 0.26 nats  (n 10,000; on dynamically binarised data)`, a line a metric. */
export function metricLines(metrics: Readonly<Record<string, MetricResult>>): string[] {
  const { bold, dim } = colorsFor(process.stdout);
  const width = Math.max(0, ...Object.keys(metrics).map((name) => name.length));
  return Object.entries(metrics).map(([name, { n, unit, note, realVsReal, ...estimate }]) => {
    const real = realVsReal && `real data ${formatEstimate(realVsReal)}`;
    const remarks = [real, `n ${n.toLocaleString("en")}`, note].filter((text) => text !== undefined);
    return `${name.padEnd(width)}  ${bold(`${formatEstimate(estimate)} ${unit}`)}  ${dim(`(${remarks.join("; ")})`)}`;
  });
}

/** `step 500  elbo -99.85 ± 0.26 nats  kl 25.1 nats  (n 1,000)`: an evaluation during training, in one line; `n` a metric where they differ. */
export function evaluationLine(step: number, metrics: Readonly<Record<string, MetricResult>>): string {
  const count = (n: number): string => `(n ${n.toLocaleString("en")})`;
  const results = Object.entries(metrics);
  const [n, ...others] = new Set(results.map(([, result]) => result.n));
  const isEqual = n !== undefined && others.length === 0;
  const values = results.map(
    ([name, result]) => `${name} ${formatEstimate(result)} ${result.unit}${isEqual ? "" : ` ${count(result.n)}`}`,
  );
  return [`step ${step}`, ...values, ...(isEqual ? [count(n)] : [])].join("  ");
}

/** Names behind `--metrics a,b`. */
export function metricNames(list: string | undefined): string[] | undefined {
  return list?.split(",").map((name) => name.trim());
}

/** The part of metrics that JSON output promises. */
export function metricsJson(metrics: Readonly<Record<string, MetricResult>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, { value, stderr, n, unit, realVsReal, note }]) => [
      name,
      { value, stderr, n, unit, ...(realVsReal ? { realVsReal } : {}), ...(note === undefined ? {} : { note }) },
    ]),
  );
}
