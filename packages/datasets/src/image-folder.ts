import { basename, join, resolve } from "node:path";
import type { Dataset, DatasetSource, Split } from "@latentkit/core";
import { z } from "zod";
import { type ClassLabels, numberClasses, takeLabels } from "./class-labels.js";
import { type Channels, decodeImage } from "./decode-image.js";
import { defineDataset, sourceOf } from "./define.js";
import { fingerprint, once, readSource, sha256 } from "./file.js";
import { heldOutOptions, holdOut } from "./held-out.js";
import { findImages, type ImageFile } from "./image-files.js";
import { refusal } from "./refusal.js";
import { cropCenter, type Image, resize } from "./resize.js";
import { byteSplit } from "./split.js";
import { takeExamples } from "./take-examples.js";

const options = z.object({
  size: z
    .int()
    .positive()
    .optional()
    .describe(
      "the side in pixels every image is resized to, a positive integer; absent: all images have one size already",
    ),
  crop: z
    .enum(["center", "none"])
    .default("center")
    .describe(
      "what happens to images that are not square before they are resized: center cuts the middle out, none stretches",
    ),
  channels: z.enum(["grey", "rgb"]).default("rgb").describe("the colours that are kept: grey or rgb"),
  labels: z
    .boolean()
    .optional()
    .describe(
      "whether the sub-folder of an image is its class: true or false; absent: it is when every image lies in one",
    ),
  ...heldOutOptions,
});

export type ImagesOptions = z.input<typeof options>;

/** `images:FOLDER`: PNG and JPEG files of a folder and its sub-folders. */
export const imagesFactory = defineDataset({
  name: "images",
  summary: "PNG and JPEG files of a folder; its sub-folders are the classes, or train and test",
  argument: "FOLDER",
  options,
  read: async ({ name, argument, seed, options }) => {
    const files = await findImages(argument);
    const loaded = await loadImages(argument, files, options);
    const labels = labelsOf(argument, files, options.labels);
    const rows = splitRows(argument, files, seed, options);
    const split = (which: Int32Array) => splitOf(loaded, labels, which);
    return {
      name,
      title: `images of ${basename(resolve(argument))}`,
      datum: {
        kind: "continuous",
        shape: loaded.shape,
        range: [0, 1],
        levels: 256,
        ...(labels ? { classes: labels.names.length } : {}),
      },
      licence: "unknown",
      source: argument,
      ...(labels ? { labelNames: labels.names } : {}),
      files: { [`${basename(resolve(argument))}/ (${files.length} images)`]: loaded.sha256 },
      splits: {
        train: split(rows.train),
        test: split(rows.test),
        ...(rows.valid ? { valid: split(rows.valid) } : {}),
      },
    } satisfies Dataset;
  },
});

/** PNG and JPEG files of a folder: `[0, 1]`, classes by sub-folder, 10 % held out as test split unless there are folders `train` and `test`. */
export function images(folder: string, options: ImagesOptions = {}): DatasetSource {
  return sourceOf(imagesFactory, options, folder);
}

interface LoadedImages {
  /** Row-major, `files * product(shape)`. */
  readonly bytes: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
  /** Of the list of all files' hashes and paths, in the form `sha256sum` prints. */
  readonly sha256: string;
}

interface Framing {
  readonly size?: number | undefined;
  readonly crop: "center" | "none";
  readonly channels: Channels;
}

async function loadImages(
  root: string,
  files: readonly ImageFile[],
  { size, crop, channels }: Framing,
): Promise<LoadedImages> {
  const versions = await Promise.all(files.map(({ path }) => fingerprint(join(root, path))));
  const key = ["images", size, crop, channels, ...versions].join("\0");
  return once(sha256(Buffer.from(key)), () => readImages(root, files, { size, crop, channels }));
}

async function readImages(root: string, files: readonly ImageFile[], framing: Framing): Promise<LoadedImages> {
  let first: { image: Image; path: string } | undefined;
  let bytes = new Uint8Array();
  const hashes: string[] = [];
  for (const [i, file] of files.entries()) {
    const source = await readSource(join(root, file.path));
    const image = frame(decodeImage(source, framing.channels), framing);
    hashes.push(`${source.sha256}  ${file.path}\n`);
    if (!first) {
      first = { image, path: file.path };
      bytes = new Uint8Array(files.length * image.data.length);
    }
    if (image.height !== first.image.height || image.width !== first.image.width) {
      const [a, b] = [first.image, image].map(({ width, height }) => `${width} x ${height}`);
      throw refusal(
        `${root} holds images of different sizes: ${first.path} is ${a}, ${file.path} is ${b}; set the option size, e.g. size=64`,
      );
    }
    bytes.set(image.data, i * image.data.length);
  }
  const { height, width, channels } = (first as { image: Image }).image;
  return { bytes, shape: [height, width, channels], sha256: sha256(Buffer.from(hashes.join(""))) };
}

function frame(image: Image, { size, crop }: Framing): Image {
  if (size === undefined) return image;
  return resize(crop === "center" ? cropCenter(image) : image, size, size);
}

function labelsOf(root: string, files: readonly ImageFile[], wanted: boolean | undefined): ClassLabels | undefined {
  const outside = files.find(({ folder }) => folder === undefined);
  if (wanted === false || (wanted === undefined && outside)) return undefined;
  if (outside)
    throw refusal(
      `labels=true, but ${join(root, outside.path)} lies in no sub-folder; move it into its class's folder`,
    );
  return numberClasses(
    root,
    "folder",
    files.map(({ folder }) => folder),
    (i) => files[i]?.path ?? "",
  );
}

function splitRows(
  root: string,
  files: readonly ImageFile[],
  seed: number,
  options: { testFraction: number; splitSeed?: number | undefined },
) {
  if (files[0]?.split === undefined) return { ...holdOut(root, files.length, seed, options), valid: undefined };
  const rows = (wanted: string) => Int32Array.from(files.flatMap(({ split }, i) => (split === wanted ? [i] : [])));
  const valid = rows("valid");
  return { train: rows("train"), test: rows("test"), valid: valid.length > 0 ? valid : undefined };
}

function splitOf({ bytes, shape }: LoadedImages, labels: ClassLabels | undefined, which: Int32Array): Split {
  const width = shape[0] * shape[1] * shape[2];
  return byteSplit(takeExamples(bytes, width, which), shape, takeLabels(labels, which));
}
