import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, put, temporaryFolder } from "../test/files.js";
import { type CsvOptions, csv } from "./csv.js";

const folder = temporaryFolder();
let files = 0;
const write = (content: string | Uint8Array) => put(folder, `${files++}.csv`, content);
const raw = { standardize: false, testFraction: 0.25 };

/** The rows of both splits, sorted: what was read, whatever the split. */
async function rowsOf(content: string, options: CsvOptions = raw): Promise<number[][]> {
  const { datum, splits } = await csv(write(content), options).load(0);
  const width = datum.shape[0] as number;
  const values = [...allOf(splits.train), ...allOf(splits.test)];
  const rows = Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
  return rows.sort((a, b) => (a[0] as number) - (b[0] as number));
}

describe("csv", () => {
  it.each([
    ["a header", "a,b\n1,2\n3,4\n"],
    ["no header", "1,2\n3,4\n"],
    ["quotes, spaces and CRLF", '"a","b, c"\r\n"1", 2\r\n3,4e0\r\n'],
    ["semicolons", "a;b\n1;2\n3;4"],
    ["tabs and an empty line", "a\tb\n\n1\t2\n3\t4\n"],
    ["a byte order mark", "\ufeffa,b\n1,2\n3,4\n"],
  ])("reads %s", async (_, content) => {
    expect(await rowsOf(content)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it("takes column names from the header, or numbers them", async () => {
    const named = await csv(write("height,weight\n1,2\n3,5\n2,2\n"), raw).load(0);
    expect(named.columns).toEqual(["height", "weight"]);
    expect(named.datum).toEqual({ kind: "continuous", shape: [2] });
    expect((await csv(write("1,2\n3,4\n"), raw).load(0)).columns).toEqual(["column0", "column1"]);
    expect(await rowsOf("1\n2\n3\n", { ...raw, header: true })).toEqual([[2], [3]]);
  });

  it("standardizes by the training split and keeps the numbers", async () => {
    const content = Array.from({ length: 40 }, (_, i) => `${i},${100 - i * i}`).join("\n");
    const { splits, standardization } = await csv(write(content)).load(5);
    expect([splits.train.size, splits.test.size]).toEqual([36, 4]);
    const train = allOf(splits.train);
    for (const c of [0, 1]) {
      const column = train.filter((_, i) => i % 2 === c);
      const mean = column.reduce((sum, x) => sum + x, 0) / 36;
      expect(mean).toBeCloseTo(0, 5);
      expect(column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 36).toBeCloseTo(1, 5);
    }
    const { mean, std } = standardization ?? { mean: [], std: [] };
    const restored = [...train, ...allOf(splits.test)].map(
      (x, i) => x * (std[i % 2] as number) + (mean[i % 2] as number),
    );
    const first = restored.filter((_, i) => i % 2 === 0).sort((a, b) => a - b);
    first.forEach((value, i) => {
      expect(value).toBeCloseTo(i, 4);
    });
  });

  it("numbers labels by name or position, in order", async () => {
    const content = "x,kind\n1,dog\n2,cat\n3,dog\n4,ant\n";
    for (const label of ["kind", 1]) {
      const data = await csv(write(content), { ...raw, label }).load(0);
      expect(data.labelNames).toEqual(["ant", "cat", "dog"]);
      expect(data.datum).toEqual({ kind: "continuous", shape: [1], classes: 3 });
      const pairs = [data.splits.train, data.splits.test].flatMap((split) => {
        const labels = allOf(split, "label");
        return allOf(split).map((x, i) => [x, data.labelNames?.[labels[i] as number]]);
      });
      expect(Object.fromEntries(pairs)).toEqual({ 1: "dog", 2: "cat", 3: "dog", 4: "ant" });
    }
  });

  it("sorts number labels by size", async () => {
    const data = await csv(write("x,y\n1,10\n2,9\n3,-1\n"), { ...raw, label: "y" }).load(0);
    expect(data.labelNames).toEqual(["-1", "9", "10"]);
  });

  it("states the range when raw values lie in [0, 1]", async () => {
    const { datum } = await csv(write("0.5,1\n0,0.25\n"), raw).load(0);
    expect(datum.range).toEqual([0, 1]);
  });

  it("splits by splitSeed, else by the run's seed", async () => {
    const path = write(Array.from({ length: 50 }, (_, i) => i).join("\n"));
    const testOf = async (seed: number, options: CsvOptions) =>
      allOf((await csv(path, { ...raw, ...options }).load(seed)).splits.test);
    expect(await testOf(0, {})).toEqual(await testOf(0, {}));
    expect(await testOf(0, {})).not.toEqual(await testOf(1, {}));
    expect(await testOf(0, { splitSeed: 3 })).toEqual(await testOf(1, { splitSeed: 3 }));
  });

  it.each<[string, string | Uint8Array, CsvOptions, ...(RegExp | string)[]]>([
    ["a word among numbers", "a,b\n1,2\n3,red\n", {}, 'line 3, column "b" holds "red"', "not a finite number"],
    ["NaN", "1,2\nNaN,4\n", {}, 'line 2, column "column0" holds "NaN"'],
    ["NaN in the first line", "nan,nan\n1,4\n", {}, 'line 1, column "column0" holds "nan"'],
    ["infinity", "1\n1e999\n", {}, 'line 2, column "column0" holds "1e999"'],
    ["more than float32 holds", "1\n1e39\n", {}, 'holds "1e39"'],
    ["an empty cell", "1,2\n3,\n", {}, 'line 2, column "column1" holds an empty cell'],
    ["a decimal comma", "a;b\n1,5;2\n3;4\n", {}, 'holds "1,5"'],
    ["rows of different length", "1,2\n3\n", {}, "not a well-formed CSV file", "line 2"],
    ["an open quote", '1,2\n"3,4\n', {}, "not a well-formed CSV file"],
    ["one row", "a\n1\n", {}, "has 1 example", "at least 2"],
    ["only a header", "a,b\n", {}, "no examples"],
    ["an empty file", "", {}, "has no rows"],
    ["text that is not UTF-8", Uint8Array.of(0x31, 0xff, 0x0a), {}, "not UTF-8"],
    ["doubled names", "a,a\n1,2\n3,4\n", {}, 'two columns called "a"'],
    [
      "an unknown label column",
      "height,kind\n1,2\n3,4\n",
      { label: "knid" },
      'label "knid" is not a column',
      'did you mean "kind"?',
    ],
    ["a label position outside", "1,2\n3,4\n", { label: 2 }, "label=2 is not a column", "0 to 1"],
    ["a missing label", "x,y\n1,a\n2,\n", { label: "y" }, 'line 3 has no label in column "y"'],
    ["a fraction as label", "x,y\n1,0.5\n2,1\n", { label: "y" }, "line 2 has label 0.5", "integers or names"],
    ["nothing but labels", "y\n1\n2\n", { label: "y" }, "no column of data besides label and context"],
    ["a constant column", "a,b\n1,2\n3,2\n4,2\n", {}, 'column "b" has the same value', "standardize=false"],
  ])("refuses %s", async (_, content, options, ...patterns) => {
    await expectRefusal(csv(write(content), options).load(0), ...patterns);
  });

  it("refuses a missing file and a folder", async () => {
    await expectRefusal(csv(`${folder}/none.csv`).load(0), "none.csv does not exist");
    await expectRefusal(csv(folder).load(0), "is a folder");
  });
});
