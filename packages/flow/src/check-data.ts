import { type HostTensor, type Split, UserError } from "@latentkit/core";
import type { FlowConfig } from "./config.js";
import { levelsOf } from "./dequantize.js";
import type { Flow } from "./model.js";

/** Rows that are looked at, spread over the training split. */
const LOOKED_AT = 4096;
/** Fewer rows than these a dimension, and a density remembers rows instead of learning. */
const ROWS_A_DIMENSION = 2;
const FEWEST_ROWS = 50;
/** A column with fewer different values than this share of its rows, or one value in more, is no continuous one. */
const FEWEST_DISTINCT = 0.05;
const MOST_EQUAL = 0.2;

/**
 * Looks at the training data before the first step.
 *
 * @throws UserError for too few rows, a missing context, values that are not finite or outside the range, pixels between levels, and columns that
 * are constant or discrete: a density of them has no upper bound, so its likelihood would grow without meaning.
 */
export function checkData(flow: Flow, train: Split, columns?: readonly string[]): void {
  const { datum, size: D } = flow;
  checkContext(flow.config, train);
  const fewest = datum.shape.length === 1 ? Math.max(FEWEST_ROWS, ROWS_A_DIMENSION * D) : FEWEST_ROWS;
  if (train.size < fewest) {
    throw refusal(
      `data must have at least ${fewest} rows for a density of ${D} dimensions, got ${train.size}; give more rows or fewer columns`,
    );
  }
  const rows = Math.min(train.size, LOOKED_AT);
  const indices = Array.from({ length: rows }, (_, i) => Math.floor((i * train.size) / rows));
  const { x } = train.gather(indices) as { x: HostTensor };
  const place = (i: number) => `row ${indices[Math.floor(i / D)]}, ${columnName(i % D, datum.shape, columns)}`;
  checkValues(flow, x, place);
  if (datum.range === undefined && levelsOf(datum) === undefined) checkColumns(flow, x, columns);
}

function checkContext({ conditional }: FlowConfig, { fields }: Split): void {
  if (conditional !== "context" || fields.context?.shape.length === 1) return;
  throw refusal(
    `conditional: context needs a field "context" with one vector for each example, got ${fields.context === undefined ? "none" : `shape [${fields.context.shape}]`}; add it to the data, or set conditional to none`,
  );
}

function checkValues({ datum }: Flow, { data }: HostTensor, place: (i: number) => string): void {
  const [low, high] = datum.range ?? (datum.kind === "binary" ? [0, 1] : [-Infinity, Infinity]);
  const levels = levelsOf(datum);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!Number.isFinite(value)) throw refusal(`${place(i)} holds ${value}, not a finite number; remove the row`);
    if (value < low || value > high) {
      throw refusal(`${place(i)} holds ${value}, outside the range [${low}, ${high}]; rescale the data`);
    }
    if (levels === undefined) continue;
    const level = ((value - low) / (high - low)) * (levels - 1);
    if (Math.abs(level - Math.round(level)) > 0.01) {
      throw refusal(
        `${place(i)} holds ${value}, between two of the ${levels} levels of [${low}, ${high}]; give data without declared levels, or round them`,
      );
    }
  }
}

function checkColumns({ datum, size: D }: Flow, { data }: HostTensor, columns: readonly string[] | undefined): void {
  const rows = data.length / D;
  for (let d = 0; d < D; d++) {
    const counts = new Map<number, number>();
    for (let i = d; i < data.length; i += D) counts.set(data[i] as number, (counts.get(data[i] as number) ?? 0) + 1);
    const name = columnName(d, datum.shape, columns);
    if (counts.size === 1) {
      throw refusal(`${name} has the same value in all ${rows} rows looked at; remove it: its density is unbounded`);
    }
    const most = Math.max(...counts.values());
    if (counts.size >= FEWEST_DISTINCT * rows && most <= MOST_EQUAL * rows) continue;
    throw refusal(
      `${name} is discrete: ${counts.size} different values in ${rows} rows, the most frequent ${most} times; a density of it is unbounded: remove it, use it as label, or add noise of one step's width`,
    );
  }
}

/** `column "age"`, `dimension 3`, `value [3, 4, 0]`. */
export function columnName(flat: number, shape: readonly number[], columns?: readonly string[]): string {
  if (shape.length === 1) return columns?.[flat] === undefined ? `dimension ${flat}` : `column "${columns[flat]}"`;
  const place: number[] = [];
  let rest = flat;
  for (const size of [...shape].reverse()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `value [${place.join(", ")}]`;
}

const refusal = (message: string): UserError => new UserError("@latentkit/flow", message);
