import type { DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { csvRecords } from "./csv-records.js";
import { defineDataset, sourceOf } from "./define.js";
import { decodeText, parseOnce, type SourceFile } from "./file.js";
import { refusal } from "./refusal.js";
import { type Table, tableDataset, tableOptions } from "./table.js";

const options = z.object({
  header: z
    .boolean()
    .optional()
    .describe(
      "whether the first line holds column names: true or false; absent: it does when no cell of it is a number",
    ),
  delimiter: z
    .string()
    .length(1)
    .optional()
    .describe(
      "the character between cells; absent: comma, semicolon, tab or bar, whichever the first line has most of",
    ),
  ...tableOptions,
});

export type CsvOptions = z.input<typeof options>;

/** `csv:FILE`: vectors from the rows of a table of numbers. */
export const csvFactory = defineDataset({
  name: "csv",
  summary: "rows of a CSV file of numbers, with a column of labels if wanted",
  argument: "FILE",
  options,
  read: async ({ name, argument, seed, options }) => {
    const { header, delimiter } = options;
    const file = await parseOnce(argument, `csv ${JSON.stringify([header, delimiter])}`, (source) =>
      parseCsv(source, header, delimiter),
    );
    return tableDataset(name, file, cellToNumber, seed, options);
  },
});

/** Rows of a CSV file as vectors: header detected, columns standardized by the training split, 10 % held out as test split. */
export function csv(file: string, options: CsvOptions = {}): DatasetSource {
  return sourceOf(csvFactory, options, file);
}

/** A decimal number as programs write it; empty cells, `1,5` and hexadecimal are not numbers. */
function cellToNumber(cell: unknown): number {
  const text = String(cell).trim();
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

/** Whether a cell of the first line looks like a column's name: neither a number nor one of the usual marks of a missing one. */
function isName(cell: string): boolean {
  return Number.isNaN(cellToNumber(cell)) && !/^\s*([+-]?(nan|inf(inity)?)|na|n\/a|null|none|\?)?\s*$/i.test(cell);
}

/**
 * Parses the text of a CSV file (RFC 4180: quotes, line breaks inside quotes); lines without any cell are skipped.
 *
 * @throws UserError for text that is not UTF-8, rows of different length, an open quote, doubled column names, no rows.
 */
function parseCsv(file: SourceFile, header?: boolean, delimiter?: string): Table {
  const { path } = file;
  const text = decodeText(file);
  const rows = csvRecords(path, text, { delimiter: delimiter ?? guessDelimiter(text) });
  const [first] = rows;
  if (!first) throw refusal(`${path} has no rows; give a table with at least 2 rows`);
  const hasHeader = header ?? first.cells.every(isName);
  const names = hasHeader ? first.cells.map((cell) => cell.trim()) : first.cells.map((_, i) => `column${i}`);
  const doubled = names.find((name, i) => names.indexOf(name) !== i);
  if (doubled !== undefined)
    throw refusal(`${path} has two columns called "${doubled}"; rename one, or set header=false`);
  const body = hasHeader ? rows.slice(1) : rows;
  return {
    columns: names.map((name, i) => ({ name, cells: body.map((row) => row.cells[i]) })),
    nameRow: (i) => `line ${body[i]?.line}`,
  };
}

/** The most frequent of the usual delimiters in the first line; a comma when there is none (one column). */
function guessDelimiter(text: string): string {
  const [firstLine = ""] = text.split(/\r?\n/, 1);
  const count = (candidate: string) => firstLine.split(candidate).length;
  return [",", ";", "\t", "|"].reduce((best, candidate) => (count(candidate) > count(best) ? candidate : best));
}
