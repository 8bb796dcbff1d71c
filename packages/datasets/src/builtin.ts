import type { DatasetFactory } from "@latentkit/core";
import { csvFactory } from "./csv.js";
import { fashionMnistFactory } from "./fashion-mnist.js";
import { idxFactory } from "./idx-folder.js";
import { imagesFactory } from "./image-folder.js";
import { mnistFactory } from "./mnist.js";
import { mobyDickFactory } from "./moby-dick.js";
import { npyFactory } from "./npy.js";
import { parquetFactory } from "./parquet.js";
import { stackedMnistFactory } from "./stacked-mnist.js";
import { textFactory } from "./text.js";
import { toyFactories } from "./toy-dataset.js";
import { vowelsFactory } from "./vowels.js";
import { wavFactory } from "./wav.js";

/** Every data set and reader of this package, for the container's `DATASET` token. */
export const builtinDatasets: readonly DatasetFactory[] = [
  mnistFactory,
  fashionMnistFactory,
  stackedMnistFactory,
  ...toyFactories,
  vowelsFactory,
  mobyDickFactory,
  textFactory,
  imagesFactory,
  idxFactory,
  csvFactory,
  npyFactory,
  parquetFactory,
  wavFactory,
];
