import type { DatasetFactory } from "@latentkit/core";
import { cmudictFactory } from "./cmudict.js";
import { csvFactory } from "./csv.js";
import { fashionMnistFactory } from "./fashion-mnist.js";
import { firstNamesFactory } from "./first-names.js";
import { idxFactory } from "./idx-folder.js";
import { imagesFactory } from "./image-folder.js";
import { mnistFactory } from "./mnist.js";
import { mobyDickFactory } from "./moby-dick.js";
import { npyFactory } from "./npy.js";
import { pairsFactory } from "./pairs.js";
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
  cmudictFactory,
  firstNamesFactory,
  pairsFactory,
  imagesFactory,
  idxFactory,
  csvFactory,
  npyFactory,
  parquetFactory,
  wavFactory,
];
