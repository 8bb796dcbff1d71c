import type { SetupProgress } from "@latentkit/engine-tensorflow";
import type { ProgressStream } from "../../progress.js";
import { drawBar } from "../../progress-line.js";
import { colorsFor, widthOf } from "../../terminal.js";

const VERBS = { download: "downloading", unpack: "unpacking", check: "loading" } as const;
const FRAME_MS = 100;
const PLAIN_MS = 5000;
const LARGEST_BAR = 28;
const CLEAR_TO_END = "\u001b[J";

/** Shows how an installation goes: one live line in a terminal, plain lines elsewhere. */
export class SetupLine {
  readonly #colors;
  #drawn = false;
  #shown = "";
  #shownAt = Number.NEGATIVE_INFINITY;

  /** @param now Milliseconds that only grow. */
  constructor(
    private readonly stream: ProgressStream = process.stderr,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#colors = colorsFor(stream);
  }

  get #live(): boolean {
    return this.stream.isTTY === true && process.env.TERM !== "dumb";
  }

  update(progress: SetupProgress): void {
    const title = `${VERBS[progress.stage]} ${progress.what}`;
    const isNew = title !== this.#shown;
    if (!isNew && this.now() - this.#shownAt < (this.#live ? FRAME_MS : PLAIN_MS)) return;
    this.#shown = title;
    this.#shownAt = this.now();
    if (!this.#live) this.stream.write(`${[title, ...amounts(progress)].join("  ")}\n`);
    else this.#draw(title, progress);
  }

  #draw(title: string, progress: SetupProgress): void {
    const width = (this.stream.columns && this.stream.columns > 0 ? this.stream.columns : 80) - 1;
    const text = [title, ...amounts(progress)].join("  ");
    const room = Math.min(LARGEST_BAR, width - widthOf(text) - 2);
    const { bytes, total } = progress;
    const bar = total !== undefined && room >= 8 ? `  ${drawBar(bytes / total, room, this.#colors)}` : "";
    this.stream.write(`\r${text.slice(0, width)}${bar}${CLEAR_TO_END}`);
    this.#drawn = true;
  }

  /** Takes the live line away. */
  stop(): void {
    if (this.#drawn) this.stream.write(`\r${CLEAR_TO_END}`);
    this.#drawn = false;
  }
}

/** `45%` and `122 of 271 MB`; less when less is known. */
function amounts({ bytes, total }: SetupProgress): string[] {
  if (bytes === 0) return [];
  if (total === undefined) return [formatBytes(bytes)];
  const done = Math.min(bytes, total); // pip says rounded sizes
  return [`${Math.floor((100 * done) / total)}%`, `${formatBytes(done)} of ${formatBytes(total)}`];
}

/** `854 MB`, `5.67 GB`: powers of ten, as disks are sold. */
export function formatBytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
