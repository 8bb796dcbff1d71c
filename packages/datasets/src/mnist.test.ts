import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, idxBytes, put, temporaryFolder } from "../test/files.js";
import { parseClothes } from "./fashion-clothes.js";
import { fashionMnist } from "./fashion-mnist.js";
import { checkHash } from "./file.js";
import { loadIdxFolder } from "./idx.js";
import { mnist } from "./mnist.js";

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("mnist", () => {
  it("is the published data set", async () => {
    const data = await mnist().load(0);
    expect(data.name).toBe("mnist");
    expect(data.datum).toEqual({ kind: "continuous", shape: [28, 28, 1], range: [0, 1], levels: 256, classes: 10 });
    const { train, test } = data.splits;
    expect([train.size, test.size]).toEqual([60_000, 10_000]);
    const { x, label } = train.gather(range(10));
    expect(Array.from(label?.data ?? [])).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect(x?.shape).toEqual([10, 28, 28, 1]);
    expect(Array.from(test.gather(range(5)).label?.data ?? [])).toEqual([7, 2, 1, 0, 4]);
  });

  it("has the pixel mean everyone subtracts, 0.1307", async () => {
    const { train } = (await mnist().load(0)).splits;
    let sum = 0;
    for (let start = 0; start < 60_000; start += 1000) {
      const { x } = train.gather(range(1000).map((i) => start + i));
      for (const pixel of x?.data ?? []) sum += pixel;
    }
    expect(sum / (60_000 * 784)).toBeCloseTo(0.13066, 5);
  });
});

describe("fashion-mnist", () => {
  const folder = temporaryFolder();

  it("refuses IDX files that are not the published ones, with both hashes", async () => {
    put(folder, "train-images-idx3-ubyte", idxBytes([1, 1, 1], [0]));
    put(folder, "train-labels-idx1-ubyte", idxBytes([1], [0]));
    await expectRefusal(
      fashionMnist(folder).load(0),
      "train-images-idx3-ubyte is not the published file",
      /sha256 is [0-9a-f]{64}, expected c59f468a/,
      "idx:FOLDER",
    );
  });

  it("names a folder without the files", async () => {
    await expectRefusal(fashionMnist(`${folder}/nowhere`).load(0), "nowhere/train-images-idx3-ubyte does not exist");
  });

  it("reads the records of the npm package and leaves out empty ones", () => {
    const record = range(784).map((i) => i % 256);
    const json = JSON.stringify({ data: [record, [], record.map((value) => 255 - value)] });
    const pixels = parseClothes({ path: "0.json", bytes: Buffer.from(json), sha256: "" });
    expect(pixels).toHaveLength(2 * 784);
    expect(Array.from(pixels.subarray(784, 787))).toEqual([255, 254, 253]);
  });

  it.each([
    ["{", /not \{"data"/],
    ['{"data": [1]}', /not \{"data"/],
    ['{"data": [[1, 2]]}', /record 0 that is not 784 bytes/],
    [JSON.stringify({ data: [new Array(784).fill(300)] }), /record 0 that is not 784 bytes/],
  ])("refuses damaged records %#", (json, pattern) => {
    expect(() => parseClothes({ path: "0.json", bytes: Buffer.from(json), sha256: "" })).toThrow(pattern);
  });

  it("loads what is installed, 60,000 and 10,000 images with 10 classes", async () => {
    const data = await fashionMnist().load(0);
    expect([data.splits.train.size, data.splits.test.size]).toEqual([60_000, 10_000]);
    expect(data.labelNames?.[9]).toBe("Ankle boot");
    const counts = new Array(10).fill(0);
    for (const label of allOf(
      { size: 10_000, gather: (i) => ({ label: data.splits.test.gather(i).label ?? { data: [] } }) },
      "label",
    ))
      counts[label]++;
    expect(counts).toEqual(new Array(10).fill(1000));
  });
});

describe("hashes and labels", () => {
  it("names file, found and expected hash, and the remedy", () => {
    expect(() => checkHash("a/b.bin", "12", "34", "download it again")).toThrow(
      "@latentkit/datasets: a/b.bin is not the published file: sha256 is 12, expected 34; download it again",
    );
    expect(() => checkHash("a/b.bin", "12", "12", "download it again")).not.toThrow();
  });

  it("refuses labels out of range", async () => {
    const folder = temporaryFolder();
    for (const part of ["train", "t10k"]) {
      put(folder, `${part}-images-idx3-ubyte`, idxBytes([2, 1, 1], [0, 1]));
      put(folder, `${part}-labels-idx1-ubyte`, idxBytes([2], [0, 2]));
    }
    const about = { title: "", licence: "", source: "", labelNames: ["a", "b"] };
    await expectRefusal(loadIdxFolder("x", folder, about), "label 2 at position 1, out of range 0 to 1");
  });
});
