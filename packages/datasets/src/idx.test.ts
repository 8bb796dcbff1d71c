import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, idxBytes, put, replace, temporaryFolder } from "../test/files.js";
import { idx } from "./idx-folder.js";

const root = temporaryFolder();
let folders = 0;

/** Three training and two test images of 2 x 3 pixels; `changes` replaces or removes files. */
function idxFolder(changes: Record<string, Uint8Array | undefined> = {}): string {
  const folder = `${root}/${folders++}`;
  const files: Record<string, Uint8Array | undefined> = {
    "train-images-idx3-ubyte": idxBytes(
      [3, 2, 3],
      Array.from({ length: 18 }, (_, i) => i * 15),
    ),
    "train-labels-idx1-ubyte": idxBytes([3], [2, 0, 1]),
    "t10k-images-idx3-ubyte": idxBytes([2, 2, 3], new Array(12).fill(255)),
    "t10k-labels-idx1-ubyte": idxBytes([2], [1, 1]),
    ...changes,
  };
  for (const [name, bytes] of Object.entries(files)) if (bytes) put(folder, name, bytes);
  return folder;
}

describe("idx", () => {
  it("reads images, labels, classes and hashes", async () => {
    const data = await idx(idxFolder()).load(0);
    expect(data.datum).toEqual({ kind: "continuous", shape: [2, 3, 1], range: [0, 1], levels: 256, classes: 3 });
    expect([data.splits.train.size, data.splits.test.size]).toEqual([3, 2]);
    expect(allOf(data.splits.train)).toEqual(Array.from({ length: 18 }, (_, i) => Math.fround((i * 15) / 255)));
    expect(allOf(data.splits.train, "label")).toEqual([2, 0, 1]);
    expect(Object.keys(data.files)).toHaveLength(4);
    expect(data.files["t10k-labels-idx1-ubyte"]).toMatch(/^[0-9a-f]{64}$/);
  });

  it("reads gzipped files", async () => {
    const images = idxBytes([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
    const folder = idxFolder({ "t10k-images-idx3-ubyte": undefined, "t10k-images-idx3-ubyte.gz": gzipSync(images) });
    const data = await idx(folder).load(0);
    expect(allOf(data.splits.test).at(-1)).toBe(1);
    expect(Object.keys(data.files)).toContain("t10k-images-idx3-ubyte.gz");
  });

  it("reads again what changed on disk, and only that", async () => {
    const folder = idxFolder();
    const before = await idx(folder).load(0);
    replace(folder, "t10k-labels-idx1-ubyte", idxBytes([2], [0, 2]));
    replace(folder, "t10k-images-idx3-ubyte", idxBytes([2, 2, 3], new Array(12).fill(0)));
    const after = await idx(folder).load(0);
    expect(after.files["train-images-idx3-ubyte"]).toBe(before.files["train-images-idx3-ubyte"]);
    expect(allOf(after.splits.test, "label")).toEqual([0, 2]);
  });

  const images = "train-images-idx3-ubyte";
  const labels = "train-labels-idx1-ubyte";
  it.each<[string, Record<string, Uint8Array | undefined>, ...(RegExp | string)[]]>([
    ["a missing file", { [images]: undefined }, images, "does not exist", "idx3-ubyte.gz"],
    ["a truncated file", { [images]: idxBytes([3, 2, 3], [1, 2, 3]) }, images, "truncated", "19 bytes", "needs 34"],
    ["a file that is too long", { [labels]: idxBytes([3], [0, 1, 2, 3]) }, labels, "too long"],
    ["a header cut off", { [labels]: Uint8Array.of(0, 0, 8, 1, 0) }, labels, "ends inside its header"],
    ["an empty file", { [labels]: new Uint8Array() }, labels, "not an IDX file", "nothing"],
    ["a wrong magic number", { [images]: Uint8Array.of(137, 80, 78, 71) }, images, "not an IDX file", "89 50 4e 47"],
    ["another element type", { [images]: idxBytes([3, 2, 3], [], 0x0d) }, images, "type 0xd", "unsigned bytes"],
    ["damaged gzip", { [images]: Uint8Array.of(0x1f, 0x8b, 1, 2, 3) }, images, "damaged gzip"],
    ["another number of labels", { [labels]: idxBytes([2], [0, 1]) }, labels, "2 labels for the 3 images"],
    ["images and labels swapped", { [images]: idxBytes([3], [0, 1, 2]) }, images, "1 dimensions, expected 3"],
    [
      "test images of another size",
      { "t10k-images-idx3-ubyte": idxBytes([2, 3, 2], new Array(12).fill(0)) },
      "images of 3,2,1",
    ],
    ["no images", { [images]: idxBytes([0, 2, 3], []), [labels]: idxBytes([0], []) }, "holds no images"],
  ])("refuses %s", async (_, changes, ...patterns) => {
    await expectRefusal(idx(idxFolder(changes)).load(0), ...patterns);
  });
});
