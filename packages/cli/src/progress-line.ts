import type { EvaluationProgress, Progress } from "@latentkit/core";
import { type Colors, widthOf } from "./terminal.js";

/** What stands in a progress line. */
export interface LineInput
  extends Pick<Progress, "step" | "steps" | "epoch" | "epochs" | "examplesPerSecond" | "secondsLeft"> {
  /** Values to show by name; the loss first. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What the data are called: `images`. */
  readonly noun: string;
}

/** What stands in its place during an evaluation. */
export interface EvaluationInput extends EvaluationProgress {
  readonly noun: string;
  /** Since the metric began. */
  readonly seconds: number;
}

/** Counts for the machinery; refused updates are shown in words when there are any. */
const HIDDEN = new Set(["gradNorm", "skipped", "skippedInRow"]);
const SHORT_NAMES: Readonly<Record<string, string>> = { reconstruction: "rec" };
const SMALLEST_BAR = 8;
const LARGEST_BAR = 28;

/** The metrics of an update that a reader watches, in the order the model gives them, the losses first. */
export function shownMetrics(metrics: Readonly<Record<string, number>>): [name: string, value: number][] {
  const entries = Object.entries(metrics).filter(([name]) => !HIDDEN.has(name.split("/").at(-1) as string));
  const isLoss = ([name]: [string, number]): boolean => name === "loss" || name.endsWith("/loss");
  return [...entries.filter(isLoss), ...entries.filter((entry) => !isLoss(entry))];
}

/**
 * One line that fits: the fullest form that does, down to `loss 104.2  1:23` in the narrowest windows.
 *
 * @param width Columns of the terminal.
 */
export function progressLine(input: LineInput, width: number, colors: Colors): string {
  const forms = lineForms(input, colors);
  const fitting = forms.find((form) => widthOf(form.line("")) + (form.bar ? SMALLEST_BAR + 1 : 0) < width);
  const form = fitting ?? (forms.at(-1) as LineForm);
  const free = width - widthOf(form.line("")) - 2;
  const bar =
    form.bar && free >= SMALLEST_BAR
      ? `${drawBar(input.step / input.steps, Math.min(LARGEST_BAR, free), colors)} `
      : "";
  const line = form.line(bar);
  return widthOf(line) < width ? line : plain(line).slice(0, Math.max(0, width - 1));
}

interface LineForm {
  readonly bar: boolean;
  line(bar: string): string;
}

/** From the fullest to the barest. */
function lineForms(input: LineInput, colors: Colors): LineForm[] {
  const { step, steps, epoch, epochs, noun, examplesPerSecond, secondsLeft } = input;
  const { bold, dim, yellow } = colors;
  const metrics = shownMetrics(input.metrics);
  const percent = `${Math.floor((100 * step) / steps)}%`;
  const passes = `${epoch.toFixed(1)}/${formatCount(epochs)}`;
  const skipped = input.metrics.skipped ?? 0;
  const refused = skipped > 0 ? [yellow(`${skipped} refused`)] : [];
  const left = formatClock(secondsLeft);
  const values = (count: number, short: boolean) =>
    metrics
      .slice(0, count)
      .map(([name, value]) => `${dim(short ? (SHORT_NAMES[name] ?? name) : name)} ${bold(formatMetric(value))}`);
  const join = (...parts: (string | string[])[]) => parts.flat().join("  ");
  const long = (count: number) => (bar: string) =>
    join(
      `${dim("epoch")} ${passes} ${bar}${percent}`,
      `${dim("step")} ${step}/${steps}`,
      values(count, false),
      refused,
      `${formatRate(examplesPerSecond)} ${noun}/s`,
      `${left} left`,
    );
  const medium = (count: number) => (bar: string) =>
    join(
      `${dim("epoch")} ${passes} ${bar}${percent}`,
      `${step}/${steps}`,
      values(count, true),
      `${formatRate(examplesPerSecond)}/s`,
      left,
    );
  return [
    { bar: true, line: long(metrics.length) },
    { bar: true, line: long(3) },
    { bar: true, line: medium(3) },
    { bar: false, line: medium(3) },
    { bar: false, line: () => join(percent, `${step}/${steps}`, values(3, true), left) },
    { bar: false, line: () => join(`${step}/${steps}`, values(1, true), left) },
    { bar: false, line: () => join(percent, values(1, true), left) },
    { bar: false, line: () => join(values(1, true)) },
  ];
}

/** `evaluating logProb: 3,000 of 10,000 images, 1:23 left`; the metric alone before anything was measured, as while it samples. */
export function evaluationText({ metric, done, examples, noun, seconds }: EvaluationInput): string {
  if (done === 0) return `evaluating ${metric}`;
  const left = formatClock((seconds * (examples - done)) / done);
  return `evaluating ${metric}: ${done.toLocaleString("en")} of ${examples.toLocaleString("en")} ${noun}, ${left} left`;
}

/** A {@link progressLine} for a log file: everything, no bar, no colours. */
export function plainLine(input: LineInput): string {
  const { step, steps, epoch, epochs, noun, examplesPerSecond, secondsLeft } = input;
  const values = shownMetrics(input.metrics).map(([name, value]) => `${name} ${formatMetric(value)}`);
  const skipped = input.metrics.skipped ?? 0;
  return [
    `step ${step}/${steps}`,
    `epoch ${epoch.toFixed(2)}/${formatCount(epochs)}`,
    ...values,
    ...(skipped > 0 ? [`${skipped} refused`] : []),
    `${formatRate(examplesPerSecond)} ${noun}/s`,
    `${formatClock(secondsLeft)} left`,
  ].join("  ");
}

/** `━━━━───`. */
export function drawBar(fraction: number, width: number, { cyan, dim }: Colors): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return cyan("━".repeat(full)) + dim("─".repeat(width - full));
}

/** Four significant digits: `104.2`, `0.01235`, `1.2e+7`. */
export function formatMetric(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-4)) return value.toExponential(2);
  return String(Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4)));
}

/** `940`, `12.3k`, `1.2M`; `…` before anything was measured. */
export function formatRate(rate: number): string {
  if (!Number.isFinite(rate)) return "…";
  if (rate < 1000) return rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
  return rate < 999_950 ? `${(rate / 1000).toFixed(1)}k` : `${(rate / 1e6).toFixed(1)}M`;
}

/** `1:23`, `1:02:03`; `…` before anything was measured. */
export function formatClock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "…";
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const formatCount = (n: number): string => (Number.isInteger(n) ? String(n) : n.toFixed(1));

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one
const plain = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, "");
