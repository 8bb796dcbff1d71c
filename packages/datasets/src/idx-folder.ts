import type { DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { loadIdxFolder } from "./idx.js";

/** `idx:FOLDER`: any data set in MNIST's four files (KMNIST, EMNIST, one's own). */
export const idxFactory = defineDataset({
  name: "idx",
  summary: "images and labels in MNIST's four IDX files, gzipped or not",
  argument: "FOLDER",
  options: z.object({}),
  read: ({ name, argument }) =>
    loadIdxFolder(name, argument, { title: `IDX files of ${argument}`, licence: "unknown", source: argument }),
});

/** Grey images with labels from a folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the two `t10k-` files. */
export function idx(folder: string): DatasetSource {
  return sourceOf(idxFactory, {}, folder);
}
