import { type Dataset, type DatasetSource, hostKey, hostTensor, philoxPermutation, type Split } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { mnistFactory } from "./mnist.js";
import { checkIndices } from "./split.js";

/*
 * StackedMNIST: three random digits as the channels of an image, 1000 equally likely modes, to see how many of them a generator finds.
 * Metz, Poole, Pfau, Sohl-Dickstein, "Unrolled generative adversarial networks", 2016, §3.3.1. https://arxiv.org/abs/1611.02163
 */

const CHANNELS = 3;
const DIGITS = 10;
const PIXELS = 28 * 28;

const options = z.object({
  train: z.int().min(1).default(128_000).describe("the number of training images, a positive integer"),
  test: z.int().min(1).default(26_000).describe("the number of test images, a positive integer"),
});

export type StackedMnistOptions = z.input<typeof options>;

/** `stacked-mnist`: made of `mnist`, the same stacks whatever the run's seed, so that results compare. */
export const stackedMnistFactory = defineDataset({
  name: "stacked-mnist",
  summary: "three digits of mnist as the channels of an image, 28 x 28 x 3, 1000 classes, for counting modes",
  options,
  read: async ({ name, seed, options: { train, test } }): Promise<Dataset> => {
    const { labelNames: _, ...digits } = await mnistFactory.load({ seed, options: {} });
    return {
      ...digits,
      name,
      title: "StackedMNIST, three handwritten digits as the channels of an image",
      source: `Metz et al., 2016, https://arxiv.org/abs/1611.02163; digits: ${digits.source}`,
      datum: { ...digits.datum, shape: [28, 28, CHANNELS], classes: DIGITS ** CHANNELS },
      splits: { train: stacks(digits.splits.train, train, "train"), test: stacks(digits.splits.test, test, "test") },
    };
  },
});

/** Three digits as the channels of an image: 128,000 training and 26,000 test images, 28 x 28 x 3 in `[0, 1]`, class `100 a + 10 b + c`. */
export function stackedMnist(options: StackedMnistOptions = {}): DatasetSource {
  return sourceOf(stackedMnistFactory, options);
}

/** `size` stacks of a split's digits. Each channel goes through the digits in keyed permutations, one after another as long as needed. */
function stacks(digits: Split, size: number, which: string): Split {
  const rounds = Math.ceil(size / digits.size);
  const orders = Array.from({ length: CHANNELS }, (_, channel) =>
    Array.from({ length: rounds }, (_, round) =>
      philoxPermutation(hostKey(0, "stacked-mnist", which, channel, round), digits.size),
    ),
  );
  const digitOf = (channel: number, i: number) =>
    orders[channel]?.[Math.floor(i / digits.size)]?.[i % digits.size] as number;
  return {
    size,
    fields: { x: { shape: [28, 28, CHANNELS], dtype: "float32" }, label: { shape: [], dtype: "int32" } },
    gather(indices) {
      checkIndices(indices, size);
      const n = indices.length;
      const x = new Float32Array(n * PIXELS * CHANNELS);
      const label = new Int32Array(n);
      for (let channel = 0; channel < CHANNELS; channel++) {
        const chosen = digits.gather(Array.from(indices, (i) => digitOf(channel, i)));
        const grey = chosen.x?.data as Float32Array;
        const names = chosen.label?.data as Int32Array;
        for (let k = 0; k < n * PIXELS; k++) x[CHANNELS * k + channel] = grey[k] as number;
        for (let k = 0; k < n; k++) label[k] = DIGITS * (label[k] as number) + (names[k] as number);
      }
      return { x: hostTensor(x, [n, 28, 28, CHANNELS]), label: hostTensor(label, [n], "int32") };
    },
  };
}
