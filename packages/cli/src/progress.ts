import type { EvaluationProgress, Progress } from "@latentkit/core";
import { evaluationText, type LineInput, plainLine, progressLine, shownMetrics } from "./progress-line.js";
import { colorsFor, type Stream, widthOf } from "./terminal.js";

/** Where progress is written. */
export interface ProgressStream extends Stream {
  write(text: string): unknown;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

const FRAME_MS = 100;
const PLAIN_MS = 5000;
/** Evaluations that take less are not worth a line of a log file. */
const SHORT_MS = 1000;
const CLEAR_TO_END = "\u001b[J";
/** Share of the newest value in the shown, smoothed one. */
const FRESHNESS = 0.05;

/** Shows how training goes: one live line in a terminal, a plain line every few seconds elsewhere. */
export class ProgressBar {
  readonly #colors;
  readonly #smooth = new Map<string, number>();
  #input: LineInput | undefined;
  #drawn = "";
  #drawnAt = Number.NEGATIVE_INFINITY;
  /** When the metric began that is being measured. */
  #metricSince = 0;

  /**
   * @param noun What the data are called: `images`.
   * @param now Milliseconds that only grow.
   */
  constructor(
    private readonly stream: ProgressStream = process.stderr,
    private noun = "examples",
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#colors = colorsFor(stream);
    stream.on?.("resize", this.#resized);
  }

  set dataNoun(noun: string) {
    this.noun = noun;
  }

  get #live(): boolean {
    return this.stream.isTTY === true && process.env.TERM !== "dumb";
  }

  update(progress: Progress): void {
    for (const [name, value] of shownMetrics(progress.metrics)) this.#average(name, value);
    const skipped = refusedUpdates(progress.metrics);
    const metrics = { ...Object.fromEntries(this.#smooth), ...(skipped === undefined ? {} : { skipped }) };
    this.#input = { ...progress, metrics, noun: this.noun };
    const last = progress.step === progress.steps;
    if (!last && this.now() - this.#drawnAt < (this.#live ? FRAME_MS : PLAIN_MS)) return;
    this.#drawnAt = this.now();
    if (this.#live) this.#draw(progressLine(this.#input, this.#width(), this.#colors));
    else this.stream.write(`${plainLine(this.#input)}\n`);
  }

  /** One batch says little: shown values follow the last few dozen. */
  #average(name: string, value: number): void {
    const before = this.#smooth.get(name);
    this.#smooth.set(
      name,
      before === undefined || !Number.isFinite(before) ? value : before + FRESHNESS * (value - before),
    );
  }

  /** A line that stays, above the live one. */
  note(text: string): void {
    this.clear();
    this.stream.write(`${text}\n`);
  }

  /** A passing remark in place of the bar: `drawing the report`. */
  stage(text: string): void {
    if (this.#live) this.remark(text);
    else this.stream.write(`${text}\n`);
  }

  /** The same, of what happens so often that only a terminal shows it. */
  remark(text: string): void {
    if (this.#live) this.#draw(this.#colors.dim(`${text} …`.slice(0, this.#width() - 1)));
  }

  /** How far an evaluation is, in place of the bar; elsewhere a line every few seconds of a long one. */
  evaluating(progress: EvaluationProgress): void {
    const now = this.now();
    const begins = progress.done === 0;
    if (begins) this.#metricSince = now;
    const text = evaluationText({ ...progress, noun: this.noun, seconds: (now - this.#metricSince) / 1000 });
    if (this.#live) {
      if (!begins && now - this.#drawnAt < FRAME_MS) return;
      this.remark(text);
    } else {
      if (now - this.#metricSince < SHORT_MS || now - this.#drawnAt < PLAIN_MS) return;
      this.stream.write(`${text}\n`);
    }
    this.#drawnAt = now;
  }

  /** Takes the live line away. */
  clear(): void {
    if (this.#drawn !== "") this.stream.write(`\r${CLEAR_TO_END}`);
    this.#drawn = "";
  }

  /** Leaves the last state of the bar on screen, or nothing. */
  stop({ keep = false } = {}): void {
    this.stream.off?.("resize", this.#resized);
    if (keep && this.#live && this.#input !== undefined) {
      this.#draw(progressLine(this.#input, this.#width(), this.#colors));
      this.stream.write("\n");
      this.#drawn = "";
    }
    this.clear();
  }

  #draw(line: string): void {
    this.stream.write(`\r${line}${CLEAR_TO_END}`);
    this.#drawn = line;
  }

  #width(): number {
    return this.stream.columns && this.stream.columns > 0 ? this.stream.columns : 80;
  }

  /** A narrower window breaks the line in several: go up to the first of them before drawing anew. */
  readonly #resized = (): void => {
    if (this.#drawn === "" || this.#input === undefined) return;
    const rows = Math.ceil(widthOf(this.#drawn) / this.#width());
    if (rows > 1) this.stream.write(`\u001b[${rows - 1}A`);
    this.stream.write(`\r${CLEAR_TO_END}`);
    this.#draw(progressLine(this.#input, this.#width(), this.#colors));
  };
}

/** Updates refused so far, of all objectives together; `undefined` when none are counted. */
function refusedUpdates(metrics: Readonly<Record<string, number>>): number | undefined {
  const counts = Object.entries(metrics).filter(([name]) => name === "skipped" || name.endsWith("/skipped"));
  return counts.length === 0 ? undefined : counts.reduce((sum, [, count]) => sum + count, 0);
}
