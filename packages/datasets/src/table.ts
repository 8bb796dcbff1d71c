import { basename } from "node:path";
import { type Dataset, didYouMean, type FieldSpec, type HostTensor, type Split } from "@latentkit/core";
import { z } from "zod";
import { numberClasses, takeLabels } from "./class-labels.js";
import type { ParsedFile } from "./file.js";
import { heldOutOptions, holdOut } from "./held-out.js";
import { refusal } from "./refusal.js";
import { floatSplit } from "./split.js";

/** Options of readers of tables. */
export const tableOptions = {
  label: z
    .union([z.string(), z.int().nonnegative()])
    .optional()
    .describe("the column of class labels: its name, or its position counted from 0"),
  context: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("the columns, by name, that a conditional density is given instead of learning them: a list of names"),
  standardize: z
    .boolean()
    .default(true)
    .describe(
      "whether every column is shifted and scaled to mean 0 and standard deviation 1 of the training split: true or false",
    ),
  ...heldOutOptions,
};

export type TableOptions = z.output<z.ZodObject<typeof tableOptions>>;

/** A table as a file gave it. */
export interface Table {
  readonly columns: readonly Column[];
  /** How row `i` is called in messages, as the user's editor counts. */
  nameRow(i: number): string;
}

export interface Column {
  readonly name: string;
  readonly cells: readonly unknown[];
}

/**
 * Makes a data set of vectors from a table: every column but the label becomes one dimension.
 *
 * @param toNumber Reads a cell; NaN when it is not a number.
 * @throws UserError naming row and column of a cell that is not a finite number, an unknown label column, a constant column.
 */
export function tableDataset(
  name: string,
  file: ParsedFile<Table>,
  toNumber: (cell: unknown) => number,
  seed: number,
  options: TableOptions,
): Dataset {
  const { path, content: table } = file;
  const label = options.label === undefined ? undefined : findColumn(path, table, options.label);
  const given = (options.context ?? []).map((column) => findColumn(path, table, column));
  const columns = table.columns.filter((column) => column !== label && !given.includes(column));
  if (columns.length === 0)
    throw refusal(`${path} has no column of data besides label and context; give a table with data`);
  const rows = holdOut(path, (columns[0] as Column).cells.length, seed, options);
  const data = columns.map((column) => numbersOf(path, table, column, toNumber));
  const labels = label && numberClasses(path, label.name, label.cells, table.nameRow);
  const scaling = options.standardize ? momentsOf(path, columns, data, rows.train) : undefined;
  const context = contextOf(path, table, given, rows.train, toNumber, options.standardize);
  const split = (which: Int32Array) => {
    const split = floatSplit(takeRows(data, which, scaling), [columns.length], takeLabels(labels, which));
    return context === undefined ? split : withContext(split, context(which));
  };
  return {
    name,
    title: `table ${basename(path)}`,
    datum: {
      kind: "continuous",
      shape: [columns.length],
      ...(!scaling && data.every(isUnit) ? { range: [0, 1] as const } : {}),
      ...(labels ? { classes: labels.names.length } : {}),
    },
    licence: "unknown",
    source: path,
    ...(labels ? { labelNames: labels.names } : {}),
    columns: columns.map((column) => column.name),
    ...(scaling ? { standardization: scaling } : {}),
    files: { [basename(path)]: file.sha256 },
    splits: { train: split(rows.train), test: split(rows.test) },
  };
}

/** The vectors of some rows that a conditional density is given, standardised like the data; `undefined` when no columns are named. */
function contextOf(
  path: string,
  table: Table,
  columns: readonly Column[],
  train: Int32Array,
  toNumber: (cell: unknown) => number,
  standardize: boolean,
): ((which: Int32Array) => Split) | undefined {
  if (columns.length === 0) return undefined;
  const data = columns.map((column) => numbersOf(path, table, column, toNumber));
  const scaling = standardize ? momentsOf(path, columns, data, train) : undefined;
  return (which) => floatSplit(takeRows(data, which, scaling), [columns.length]);
}

/** A split whose examples have a field `context` beside `x`. */
function withContext(split: Split, context: Split): Split {
  return {
    size: split.size,
    fields: { ...split.fields, context: context.fields.x as FieldSpec },
    gather: (indices) => ({ ...split.gather(indices), context: context.gather(indices).x as HostTensor }),
  };
}

function findColumn(path: string, { columns }: Table, wanted: string | number): Column {
  const found = columns.find(({ name }, i) => (typeof wanted === "number" ? i === wanted : name === wanted));
  if (found) return found;
  const names = columns.map(({ name }) => name);
  if (typeof wanted === "number")
    throw refusal(`label=${wanted} is not a column of ${path}; it has columns 0 to ${columns.length - 1}`);
  throw refusal(
    `label "${wanted}" is not a column of ${path}${didYouMean(wanted, names)}; columns: ${names.join(", ")}`,
  );
}

function numbersOf(
  path: string,
  table: Table,
  { name, cells }: Column,
  toNumber: (cell: unknown) => number,
): Float64Array {
  return Float64Array.from(cells, (cell, i) => {
    const value = toNumber(cell);
    if (Number.isFinite(Math.fround(value))) return value;
    const shown = cell === null || cell === undefined || cell === "" ? "an empty cell" : `"${String(cell)}"`;
    throw refusal(
      `${path}: ${table.nameRow(i)}, column "${name}" holds ${shown}, which is not a finite number; remove the row or the column, or use the column as label`,
    );
  });
}

interface Moments {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Mean and standard deviation (divisor n) of each column over some rows. @throws UserError for a constant column. */
function momentsOf(path: string, columns: readonly Column[], data: readonly Float64Array[], rows: Int32Array): Moments {
  const mean = data.map((column) => rows.reduce((sum, row) => sum + (column[row] as number), 0) / rows.length);
  const std = data.map((column, c) => {
    const center = mean[c] as number;
    return Math.sqrt(rows.reduce((sum, row) => sum + ((column[row] as number) - center) ** 2, 0) / rows.length);
  });
  const constant = std.findIndex((value, c) => value <= 1e-12 * Math.abs(mean[c] as number));
  if (constant >= 0) {
    throw refusal(
      `${path}: column "${columns[constant]?.name}" has the same value in every training row; remove it or set standardize=false`,
    );
  }
  return { mean, std };
}

function takeRows(data: readonly Float64Array[], rows: Int32Array, scaling: Moments | undefined): Float32Array {
  const out = new Float32Array(rows.length * data.length);
  for (const [c, column] of data.entries()) {
    const center = scaling?.mean[c] ?? 0;
    const scale = scaling?.std[c] ?? 1;
    for (let i = 0; i < rows.length; i++)
      out[i * data.length + c] = ((column[rows[i] as number] as number) - center) / scale;
  }
  return out;
}

function isUnit(column: Float64Array): boolean {
  return column.every((value) => value >= 0 && value <= 1);
}
