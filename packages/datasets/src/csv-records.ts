import { CsvError, type Options, parse } from "csv-parse/sync";
import { refusal } from "./refusal.js";

/** The cells of a record, with the line it ends on, counted from 1 as editors do. */
export interface CsvRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

/**
 * Records of the text of a CSV file (RFC 4180: quotes, line breaks inside quotes); empty lines are skipped.
 *
 * @param path What messages call the file.
 * @throws UserError for an open quote, and unless the options say otherwise for records of different length.
 */
export function csvRecords(
  path: string,
  text: string,
  options: Pick<Options, "delimiter" | "relax_column_count"> = {},
) {
  try {
    const records = parse(text, { ...options, skip_empty_lines: true, info: true }) as unknown as {
      record: string[];
      info: { lines: number };
    }[];
    return records.map(({ record, info }): CsvRecord => ({ cells: record, line: info.lines }));
  } catch (error) {
    if (error instanceof CsvError)
      throw refusal(`${path} is not a well-formed CSV file: ${error.message}; correct the line`, error);
    throw error;
  }
}
