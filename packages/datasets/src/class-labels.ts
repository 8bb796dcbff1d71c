import { refusal } from "./refusal.js";

/** A class number for every example, and what the classes are called. */
export interface ClassLabels {
  /** Each in `[0, names.length)`. */
  readonly values: Int32Array;
  readonly names: readonly string[];
}

/**
 * Numbers the classes of a label column in order: numbers by size, then names by code point. Integers `0 … K-1` that all occur keep their value.
 *
 * @param cells Integers (as numbers or text) or names.
 * @param nameRow How row `i` is called in messages.
 * @throws UserError for an empty cell, or a number that is not an integer.
 */
export function numberClasses(
  path: string,
  column: string,
  cells: readonly unknown[],
  nameRow: (i: number) => string,
): ClassLabels {
  const texts = cells.map((cell, i) => {
    const text = cell === null || cell === undefined ? "" : String(cell).trim();
    if (text === "" || text === "NaN")
      throw refusal(`${path}: ${nameRow(i)} has no label in column "${column}"; complete or remove the row`);
    const isFraction = !Number.isNaN(Number(text)) && !Number.isInteger(Number(text));
    if (isFraction) {
      throw refusal(
        `${path}: ${nameRow(i)} has label ${text} in column "${column}"; labels are integers or names: choose another column`,
      );
    }
    return text;
  });
  const names = [...new Set(texts)].sort(byNumberThenName);
  const index = new Map(names.map((name, i) => [name, i]));
  return { values: Int32Array.from(texts, (text) => index.get(text) as number), names };
}

/** The labels of some examples. */
export function takeLabels(labels: ClassLabels | undefined, rows: Int32Array): Int32Array | undefined {
  return labels && rows.map((row) => labels.values[row] as number);
}

function byNumberThenName(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return a < b ? -1 : Number(a > b);
}
