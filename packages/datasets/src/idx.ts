import { access } from "node:fs/promises";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Dataset } from "@latentkit/core";
import { checkHash, fileHashes, type ParsedFile, parseOnce, type SourceFile, sha256 } from "./file.js";
import { refusal } from "./refusal.js";
import { byteSplit } from "./split.js";

/** An array of bytes in LeCun's IDX format: images `(N, H, W)` or labels `(N)`. http://yann.lecun.com/exdb/mnist/ */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /** sha256 of the file's content after decompression, the same for `x` and `x.gz`. */
  readonly contentSha256: string;
}

/** The four files of an MNIST-like data set, by their published names. */
export const IDX_FILES = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

type IdxPart = keyof typeof IDX_FILES;

/**
 * Parses an IDX file of unsigned bytes, gzipped or not.
 *
 * @throws UserError for a wrong magic number, another element type, or a file shorter or longer than its header says.
 */
function parseIdx({ path, bytes: raw, sha256: rawSha256 }: SourceFile): IdxArray {
  const isGzip = raw[0] === 0x1f && raw[1] === 0x8b;
  const bytes = isGzip ? gunzip(path, raw) : raw;
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    throw refusal(
      `${path} is not an IDX file: it starts with ${hexOf(bytes)}, expected 00 00 08; give an MNIST-like file`,
    );
  }
  if (bytes[2] !== 0x08) {
    throw refusal(`${path} holds IDX type 0x${bytes[2]?.toString(16)}; only unsigned bytes (0x8) are read: convert it`);
  }
  const rank = bytes[3] as number;
  const start = 4 + 4 * rank;
  if (rank === 0 || bytes.length < start) throw refusal(`${path} ends inside its header; download it again`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = start + shape.reduce((product, dim) => product * dim, 1);
  if (bytes.length !== expected) {
    const verb = bytes.length < expected ? "is truncated" : "is too long";
    throw refusal(
      `${path} ${verb}: ${bytes.length} bytes, its header (${shape.join(" x ")}) needs ${expected}; download it again`,
    );
  }
  return { shape, bytes: bytes.subarray(start), contentSha256: isGzip ? sha256(bytes) : rawSha256 };
}

function gunzip(path: string, bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw refusal(`${path} is a damaged gzip file (${(error as Error).message}); download it again`, error);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ") || "nothing";
}

/** What is published about a data set in IDX files. */
export interface IdxDescription {
  readonly title: string;
  readonly licence: string;
  readonly source: string;
  /** Class names by label; absent: as many classes as the largest label says. */
  readonly labelNames?: readonly string[];
  /** sha256 of each file's decompressed content; absent: any content is taken. */
  readonly hashes?: Readonly<Record<IdxPart, string>>;
  /** What to do when a hash differs. */
  readonly remedy?: string;
}

/**
 * Loads the four files of an MNIST-like data set from a folder, each plain or with `.gz` behind its name.
 *
 * @throws UserError when a file is missing, damaged or not the published one, or images and labels do not fit.
 */
export async function loadIdxFolder(name: string, folder: string, about: IdxDescription): Promise<Dataset> {
  const train = await loadPair(folder, "trainImages", "trainLabels", about);
  const test = await loadPair(folder, "testImages", "testLabels", about);
  const shape = imageShape(train.images);
  if (shape.join() !== imageShape(test.images).join()) {
    throw refusal(
      `${test.images.path} has images of ${imageShape(test.images)}, the training images are ${shape}; check ${folder}`,
    );
  }
  const classes = about.labelNames?.length ?? 1 + Math.max(maxOf(train.labels), maxOf(test.labels));
  for (const { labels } of [train, test]) checkLabels(labels, classes);
  const split = ({ images, labels }: IdxPair) => byteSplit(images.content.bytes, shape, labels.content.bytes);
  return {
    name,
    title: about.title,
    datum: { kind: "continuous", shape, range: [0, 1], levels: 256, classes },
    licence: about.licence,
    source: about.source,
    labelNames: about.labelNames ?? Array.from({ length: classes }, (_, i) => String(i)),
    files: fileHashes([train.images, train.labels, test.images, test.labels]),
    splits: { train: split(train), test: split(test) },
  };
}

interface IdxPair {
  readonly images: ParsedFile<IdxArray>;
  readonly labels: ParsedFile<IdxArray>;
}

async function loadPair(
  folder: string,
  imagesPart: IdxPart,
  labelsPart: IdxPart,
  about: IdxDescription,
): Promise<IdxPair> {
  const images = await loadPart(folder, imagesPart, 3, about);
  const labels = await loadPart(folder, labelsPart, 1, about);
  const [count, labelCount] = [images.content.shape[0], labels.content.shape[0]];
  if (count !== labelCount) {
    throw refusal(
      `${labels.path} has ${labelCount} labels for the ${count} images of ${basename(images.path)}; the files do not belong together`,
    );
  }
  if (count === 0) throw refusal(`${images.path} holds no images; give another file`);
  return { images, labels };
}

async function loadPart(
  folder: string,
  part: IdxPart,
  rank: number,
  about: IdxDescription,
): Promise<ParsedFile<IdxArray>> {
  const file = await parseOnce(await locate(folder, IDX_FILES[part]), "idx", parseIdx);
  const { shape, contentSha256 } = file.content;
  if (shape.length !== rank) {
    throw refusal(
      `${file.path} has ${shape.length} dimensions, expected ${rank}; check that images and labels are not swapped`,
    );
  }
  const expected = about.hashes?.[part];
  if (expected) checkHash(file.path, contentSha256, expected, about.remedy ?? "download it again");
  return file;
}

async function locate(folder: string, fileName: string): Promise<string> {
  for (const candidate of [fileName, `${fileName}.gz`]) {
    const path = join(folder, candidate);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw refusal(
    `${join(folder, fileName)} does not exist, neither does ${fileName}.gz; give the folder with the four IDX files`,
  );
}

function imageShape({ content }: ParsedFile<IdxArray>): number[] {
  return [...content.shape.slice(1), 1];
}

function maxOf({ content }: ParsedFile<IdxArray>): number {
  return content.bytes.reduce((max, label) => Math.max(max, label), 0);
}

function checkLabels({ path, content }: ParsedFile<IdxArray>, classes: number): void {
  const position = content.bytes.findIndex((label) => label >= classes);
  if (position < 0) return;
  throw refusal(
    `${path} has label ${content.bytes[position]} at position ${position}, out of range 0 to ${classes - 1}; use the published file`,
  );
}
