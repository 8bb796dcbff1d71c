import { didYouMean } from "@latentkit/core";
import { type CsvRecord, csvRecords } from "./csv-records.js";
import { decodeText, type SourceFile } from "./file.js";
import { refusal } from "./refusal.js";

/** A line of a file of pairs. */
export interface PairRow {
  readonly source: string;
  readonly target: string;
}

/** Which columns hold what. */
export interface PairColumns {
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  readonly header?: boolean | undefined;
}

/** Cells of a line and its number from 1, or its fields by name. */
interface Line {
  readonly cells: Readonly<Record<string, unknown>>;
  readonly line: number;
}

/**
 * Reads the pairs of a file: `.jsonl` (an object a line), `.csv` (RFC 4180) or else tab-separated (no quotes: a tab ends a cell).
 *
 * @param ending Of the file's name, in lower case.
 * @throws UserError for text that is not UTF-8, lines that cannot be read, an unknown column, an empty cell, no lines.
 */
export function readPairRows(file: SourceFile, ending: string, columns: PairColumns): PairRow[] {
  const text = decodeText(file);
  const lines = ending === ".jsonl" ? jsonLines(file.path, text) : tableLines(file.path, text, ending, columns);
  const [first] = lines;
  if (first === undefined) throw refusal(`${file.path} has no pairs; give a file with a source and a target a line`);
  const names = Object.keys(first.cells);
  const source = columnOf(file.path, names, "source", columns.source, 0);
  const target = columnOf(file.path, names, "target", columns.target, 1);
  return lines.map(({ cells, line }) => ({
    source: cellOf(file.path, cells, source, line),
    target: cellOf(file.path, cells, target, line),
  }));
}

function jsonLines(path: string, text: string): Line[] {
  return text.split(/\r?\n/).flatMap((json, i) => {
    if (json.trim() === "") return [];
    let cells: unknown;
    try {
      cells = JSON.parse(json);
    } catch (error) {
      throw refusal(`${path}: line ${i + 1} is not JSON (${(error as Error).message}); write one object a line`, error);
    }
    if (typeof cells !== "object" || cells === null || Array.isArray(cells))
      throw refusal(
        `${path}: line ${i + 1} is not a JSON object; write one a line, e.g. {"source": "a", "target": "b"}`,
      );
    return [{ cells: cells as Record<string, unknown>, line: i + 1 }];
  });
}

function tableLines(path: string, text: string, ending: string, { source, target, header }: PairColumns): Line[] {
  const rows = ending === ".csv" ? csvRecords(path, text, { relax_column_count: true }) : tsvRows(text);
  const isNamed = (column: string | undefined) => column !== undefined && !/^\d+$/.test(column);
  const hasHeader = header ?? (isNamed(source) || isNamed(target));
  const [first] = rows;
  if (first === undefined) return [];
  const names = first.cells.map((cell, i) => (hasHeader ? cell.trim() : String(i)));
  return rows.slice(hasHeader ? 1 : 0).map(({ cells, line }) => {
    if (cells.length === names.length)
      return { cells: Object.fromEntries(names.map((name, i) => [name, cells[i]])), line };
    throw refusal(
      `${path}: line ${line} has ${cells.length} cells, the first line has ${names.length}; correct the line`,
    );
  });
}

function tsvRows(text: string): CsvRecord[] {
  return text
    .split(/\r?\n/)
    .map((line, i) => ({ cells: line.split("\t"), line: i + 1 }))
    .filter(({ cells }) => cells.some((cell) => cell.trim() !== ""));
}

function columnOf(
  path: string,
  names: readonly string[],
  option: string,
  wanted: string | undefined,
  otherwise: number,
) {
  const found = wanted === undefined ? names[otherwise] : names.includes(wanted) ? wanted : numbered(names, wanted);
  if (found !== undefined) return found;
  const list = `columns: ${names.join(", ")}`;
  if (wanted === undefined) throw refusal(`${path} has one column only, pairs need two; ${list}`);
  throw refusal(`${option} "${wanted}" is not a column of ${path}${didYouMean(wanted, names)}; ${list}`);
}

const numbered = (names: readonly string[], wanted: string): string | undefined =>
  /^\d+$/.test(wanted) ? names[Number(wanted)] : undefined;

function cellOf(path: string, cells: Readonly<Record<string, unknown>>, column: string, line: number): string {
  const cell = cells[column];
  const text = typeof cell === "string" ? cell.trim() : typeof cell === "number" ? String(cell) : "";
  if (text !== "") return text;
  const shown = cell === undefined || cell === "" ? "is empty" : `holds ${JSON.stringify(cell)}, which is no text`;
  throw refusal(`${path}: line ${line}, column "${column}" ${shown}; complete or remove the line`);
}
