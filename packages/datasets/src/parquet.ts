import type { DatasetSource } from "@latentkit/core";
import { parquetMetadata, parquetReadObjects, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { parseOnce, type SourceFile } from "./file.js";
import { refusal } from "./refusal.js";
import { type Table, tableDataset, tableOptions } from "./table.js";

const options = z.object(tableOptions);

export type ParquetOptions = z.input<typeof options>;

/** `parquet:FILE`: vectors from the rows of a Parquet file. */
export const parquetFactory = defineDataset({
  name: "parquet",
  summary: "rows of a Parquet file of numbers, with a column of labels if wanted",
  argument: "FILE",
  options,
  read: async ({ name, argument, seed, options }) =>
    tableDataset(name, await parseOnce(argument, "parquet", parseParquet), cellToNumber, seed, options),
});

/** Rows of a Parquet file as vectors: columns standardized by the training split, 10 % held out as test split. */
export function parquet(file: string, options: ParquetOptions = {}): DatasetSource {
  return sourceOf(parquetFactory, options, file);
}

function cellToNumber(cell: unknown): number {
  return typeof cell === "number" || typeof cell === "bigint" || typeof cell === "boolean" ? Number(cell) : Number.NaN;
}

/**
 * Parses a Parquet file: snappy, gzip, zstd, brotli and lz4 compression.
 *
 * @throws UserError when it is not a Parquet file, or damaged.
 */
async function parseParquet({ path, bytes }: SourceFile): Promise<Table> {
  const file = new Uint8Array(bytes).buffer;
  try {
    const names = parquetSchema(parquetMetadata(file)).children.map(({ element }) => element.name);
    const rows = await parquetReadObjects({ file, compressors });
    return {
      columns: names.map((name) => ({ name, cells: rows.map((row) => row[name] as unknown) })),
      nameRow: (i) => `row ${i}`,
    };
  } catch (error) {
    throw refusal(`${path} is not a readable Parquet file (${(error as Error).message}); write it again`, error);
  }
}
