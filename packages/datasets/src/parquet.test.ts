import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, put, temporaryFolder } from "../test/files.js";
import { parquet } from "./parquet.js";

type Columns = Parameters<typeof parquetWriteBuffer>[0]["columnData"];

const folder = temporaryFolder();
let files = 0;
const write = (columnData: Columns) =>
  put(folder, `${files++}.parquet`, new Uint8Array(parquetWriteBuffer({ columnData })));

describe("parquet", () => {
  const path = write([
    { name: "height", data: [1.5, 2.5, 3.5, 4.5], type: "DOUBLE" },
    { name: "count", data: [1, 2, 3, 4], type: "INT32" },
    { name: "big", data: [10n, 20n, 30n, 50n], type: "INT64" },
    { name: "kind", data: ["b", "a", "b", "a"], type: "STRING" },
  ]);

  it("reads numeric columns and a column of labels", async () => {
    const data = await parquet(path, { label: "kind", standardize: false, testFraction: 0.25 }).load(0);
    expect(data.columns).toEqual(["height", "count", "big"]);
    expect(data.datum).toEqual({ kind: "continuous", shape: [3], classes: 2 });
    const rows = [data.splits.train, data.splits.test].flatMap((split) => {
      const [x, labels] = [allOf(split), allOf(split, "label")];
      return labels.map((label, i) => [...x.slice(3 * i, 3 * i + 3), label]);
    });
    expect(rows.sort((a, b) => (a[0] as number) - (b[0] as number))).toEqual([
      [1.5, 1, 10, 1],
      [2.5, 2, 20, 0],
      [3.5, 3, 30, 1],
      [4.5, 4, 50, 0],
    ]);
  });

  it("standardizes like csv", async () => {
    const data = await parquet(path, { label: "kind" }).load(0);
    expect(data.standardization?.mean).toHaveLength(3);
  });

  it("refuses text and missing values, naming row and column", async () => {
    await expectRefusal(parquet(path).load(0), 'row 0, column "kind" holds "b"');
    const withNull = write([{ name: "a", data: [1, null, 3], type: "DOUBLE", nullable: true }]);
    await expectRefusal(parquet(withNull).load(0), 'row 1, column "a" holds an empty cell');
    const withNan = write([{ name: "a", data: [1, 2, Number.NaN], type: "DOUBLE" }]);
    await expectRefusal(parquet(withNan).load(0), 'row 2, column "a" holds "NaN"');
  });

  it("refuses other and truncated files", async () => {
    await expectRefusal(parquet(put(folder, "text.parquet", "hello, world")).load(0), "not a readable Parquet file");
    const whole = parquetWriteBuffer({ columnData: [{ name: "a", data: [1, 2, 3], type: "DOUBLE" }] });
    await expectRefusal(
      parquet(put(folder, "cut.parquet", new Uint8Array(whole).slice(0, -20))).load(0),
      "not a readable Parquet file",
    );
  });
});
