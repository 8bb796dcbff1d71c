import { encode as encodePng } from "fast-png";
import jpeg from "jpeg-js";
import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, put, replace, temporaryFolder } from "../test/files.js";
import { decodeImage } from "./decode-image.js";
import { images } from "./image-folder.js";

const root = temporaryFolder();
let folders = 0;
const newFolder = () => `${root}/${folders++}`;

type Colour = readonly number[];

/** A picture by its pixels, each a tuple of channels. */
function pixels(width: number, height: number, at: (x: number, y: number) => Colour) {
  const data = Uint8Array.from(
    Array.from({ length: height * width }, (_, i) => at(i % width, Math.floor(i / width))).flat(),
  );
  return { width, height, data, channels: data.length / (width * height) };
}

const png = (width: number, height: number, at: (x: number, y: number) => Colour) =>
  encodePng({ ...pixels(width, height, at), depth: 8 });

function jpg(width: number, height: number, at: (x: number, y: number) => Colour): Uint8Array {
  return jpeg.encode(
    pixels(width, height, (x, y) => [...at(x, y), 255]),
    100,
  ).data;
}

/** Puts an EXIF segment with an orientation behind a JPEG's first marker. */
function withOrientation(file: Uint8Array, orientation: number): Uint8Array {
  const tiff = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
  const payload = [...Buffer.from("Exif\0\0", "latin1"), ...tiff];
  return Buffer.concat([
    file.subarray(0, 2),
    Uint8Array.of(0xff, 0xe1, 0, payload.length + 2, ...payload),
    file.subarray(2),
  ]);
}

const grey = (value: number) => png(2, 2, () => [value]);
const decode = (bytes: Uint8Array, channels: "grey" | "rgb" = "rgb") => decodeImage({ path: "a", bytes }, channels);

describe("decodeImage", () => {
  const colours: Colour[] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [10, 20, 30],
  ];
  const at = (x: number, y: number) => colours[2 * y + x] as Colour;

  it("reads RGB rows from the top left", () => {
    expect(decode(png(2, 2, at))).toEqual({ width: 2, height: 2, channels: 3, data: Uint8Array.from(colours.flat()) });
  });

  it("makes luma of colours and colours of grey", () => {
    expect(Array.from(decode(png(2, 2, at), "grey").data)).toEqual([76, 150, 29, 18]);
    expect(Array.from(decode(png(1, 1, () => [7])).data)).toEqual([7, 7, 7]);
  });

  it("lays transparent pixels over white", () => {
    const half = png(2, 1, (x) => [100, 0, 200, x === 0 ? 0 : 127]);
    expect(Array.from(decode(half).data)).toEqual([255, 255, 255, 178, 128, 228]);
    expect(
      Array.from(
        decode(
          png(1, 1, () => [0, 0]),
          "grey",
        ).data,
      ),
    ).toEqual([255]);
  });

  it("reads 16 bits as 8", () => {
    const data = Uint16Array.of(0, 257, 65535, 32896);
    expect(Array.from(decode(encodePng({ width: 2, height: 2, channels: 1, depth: 16, data }), "grey").data)).toEqual([
      0, 1, 255, 128,
    ]);
  });

  it("reads JPEG within its loss, grey and colour", () => {
    const flat = decode(jpg(16, 16, () => [200, 100, 50]));
    expect(flat).toMatchObject({ width: 16, height: 16, channels: 3 });
    flat.data.forEach((value, i) => {
      expect(Math.abs(value - ([200, 100, 50][i % 3] as number))).toBeLessThan(4);
    });
    expect(
      Math.abs(
        (decode(
          jpg(8, 8, () => [200, 200, 200]),
          "grey",
        ).data[0] as number) - 200,
      ),
    ).toBeLessThan(4);
  });

  it("turns photographs upright, for all eight orientations", () => {
    // Upright, the picture is 16 wide, 24 high, with a white block of 8 x 8 at the top left. Each stored form is made by the inverse turn.
    const isWhite = (x: number, y: number) => x < 8 && y < 8;
    const stored: Record<number, (x: number, y: number) => boolean> = {
      1: (x, y) => isWhite(x, y),
      2: (x, y) => isWhite(15 - x, y),
      3: (x, y) => isWhite(15 - x, 23 - y),
      4: (x, y) => isWhite(x, 23 - y),
      5: (x, y) => isWhite(y, x),
      6: (x, y) => isWhite(15 - y, x),
      7: (x, y) => isWhite(15 - y, 23 - x),
      8: (x, y) => isWhite(y, 23 - x),
    };
    for (const [orientation, test] of Object.entries(stored)) {
      const [width, height] = Number(orientation) >= 5 ? [24, 16] : [16, 24];
      const file = withOrientation(
        jpg(width, height, (x, y) => (test(x, y) ? [255, 255, 255] : [0, 0, 0])),
        Number(orientation),
      );
      const image = decode(file, "grey");
      expect([orientation, image.width, image.height]).toEqual([orientation, 16, 24]);
      const wrong = image.data.findIndex(
        (value, i) => Math.abs(value - (isWhite(i % 16, Math.floor(i / 16)) ? 255 : 0)) > 8,
      );
      expect([orientation, wrong]).toEqual([orientation, -1]);
    }
  });

  it("refuses what is no image, or a damaged one", () => {
    expect(() => decode(Buffer.from("GIF89a..."))).toThrow(/a is neither PNG nor JPEG/);
    expect(() => decode(png(4, 4, () => [1, 2, 3]).slice(0, 40))).toThrow(/a is damaged/);
    expect(() => decode(jpg(16, 16, () => [1, 2, 3]).slice(0, 200))).toThrow(/a is damaged/);
  });
});

describe("images", () => {
  it("reads a folder and its sub-folders, which are the classes", async () => {
    const folder = newFolder();
    for (let i = 0; i < 6; i++) put(folder, `${i % 2 ? "cats" : "dogs"}/deep/${i}.png`, grey(i * 51));
    put(folder, "cats/notes.txt", "no image");
    put(folder, "cats/.hidden.png", "no image either");
    const data = await images(folder, { channels: "grey", testFraction: 0.34 }).load(0);
    expect(data.datum).toEqual({ kind: "continuous", shape: [2, 2, 1], range: [0, 1], levels: 256, classes: 2 });
    expect(data.labelNames).toEqual(["cats", "dogs"]);
    expect([data.splits.train.size, data.splits.test.size]).toEqual([4, 2]);
    for (const split of [data.splits.train, data.splits.test]) {
      const labels = allOf(split, "label");
      const values = allOf(split).filter((_, i) => i % 4 === 0);
      expect(labels).toEqual(values.map((value) => (Math.round(value * 5) % 2 ? 0 : 1)));
    }
    expect(Object.values(data.files)[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it("has no labels when an image lies in no sub-folder, or when told so", async () => {
    const folder = newFolder();
    put(folder, "a/1.png", grey(1));
    put(folder, "b/2.png", grey(2));
    expect((await images(folder, { labels: false }).load(0)).datum.classes).toBeUndefined();
    put(folder, "3.PNG", grey(3));
    expect((await images(folder).load(0)).datum.classes).toBeUndefined();
    await expectRefusal(images(folder, { labels: true }).load(0), "labels=true", "3.PNG lies in no sub-folder");
  });

  it("takes folders train, test and valid as splits", async () => {
    const folder = newFolder();
    for (const name of ["train/a/1", "train/b/2", "train/b/3", "test/a/4", "val/b/5"])
      put(folder, `${name}.png`, grey(Number(name.at(-1)) * 51));
    const { splits, labelNames } = await images(folder, { channels: "grey" }).load(0);
    expect([splits.train.size, splits.test.size, splits.valid?.size]).toEqual([3, 1, 1]);
    expect(labelNames).toEqual(["a", "b"]);
    expect(allOf(splits.train, "label")).toEqual([0, 1, 1]);
    expect(allOf(splits.test)[0]).toBeCloseTo(0.8, 6);
  });

  it("cuts out the centre and resizes, or stretches", async () => {
    const folder = newFolder();
    // 8 x 4: black, with a white square of 4 x 4 in the middle
    for (const i of [0, 1])
      put(
        folder,
        `${i}.png`,
        png(8, 4, (x) => (x >= 2 && x < 6 ? [255, 255, 255] : [0, 0, 0])),
      );
    const cut = await images(folder, { size: 2 }).load(0);
    expect(cut.datum.shape).toEqual([2, 2, 3]);
    expect(allOf(cut.splits.train)).toEqual(new Array(12).fill(1));
    const stretched = await images(folder, { size: 2, crop: "none", channels: "grey" }).load(0);
    expect(allOf(stretched.splits.train).every((value) => value > 0.3 && value < 0.7)).toBe(true);
  });

  it("resizes images of different sizes, and refuses them without a size", async () => {
    const folder = newFolder();
    put(
      folder,
      "a.png",
      png(8, 6, () => [9, 9, 9]),
    );
    put(
      folder,
      "b.jpg",
      jpg(16, 16, () => [9, 9, 9]),
    );
    await expectRefusal(images(folder).load(0), "different sizes", "a.png is 8 x 6, b.jpg is 16 x 16", "size=64");
    const { datum } = await images(folder, { size: 5 }).load(0);
    expect(datum.shape).toEqual([5, 5, 3]);
  });

  it("decodes once for all seeds, again when a file changes", async () => {
    const folder = newFolder();
    for (let i = 0; i < 4; i++) put(folder, `${i}.png`, grey(i));
    const before = await images(folder).load(0);
    expect((await images(folder).load(1)).files).toEqual(before.files);
    replace(
      folder,
      "0.png",
      png(2, 2, () => [1, 2, 3]),
    );
    expect((await images(folder).load(0)).files).not.toEqual(before.files);
  });

  it("refuses a missing, empty or single-image folder, a file, and damaged images", async () => {
    const folder = newFolder();
    await expectRefusal(images(folder).load(0), "does not exist");
    const text = put(folder, "notes.txt", "no image");
    await expectRefusal(images(folder).load(0), "holds no .png, .jpg or .jpeg files");
    await expectRefusal(images(text).load(0), "is a file; give the folder");
    put(folder, "a.png", grey(1));
    await expectRefusal(images(folder).load(0), "has 1 example");
    put(folder, "b.png", grey(1).slice(0, 30));
    await expectRefusal(images(folder).load(0), "b.png is damaged");
    put(folder, "b.png", "text");
    await expectRefusal(images(folder).load(0), "b.png is neither PNG nor JPEG");
  });
});
