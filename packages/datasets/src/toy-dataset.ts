import type { DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { floatSplit } from "./split.js";
import { drawsOf } from "./toys/draws.js";
import { TOYS, type ToyName } from "./toys/index.js";
import type { Toy } from "./toys/toy.js";

const options = z.object({
  train: z.int().min(1).default(100_000).describe("the number of training points, a positive integer"),
  test: z.int().min(1).default(10_000).describe("the number of test points, a positive integer"),
  dataSeed: z.int().optional().describe("the seed of the points, an integer; absent: the run's seed"),
});

export type ToyOptions = z.input<typeof options>;

/** One data set a toy: points of the plane, a function of the seed. */
export const toyFactories = (Object.keys(TOYS) as ToyName[]).map((name) => {
  const toy: Toy = TOYS[name];
  return defineDataset({
    name,
    summary: `points of the plane: ${toy.title}, entropy ${toy.entropy.toFixed(4)} nats`,
    options,
    read: async ({ seed, options: { train, test, dataSeed } }) => {
      const split = (which: string, n: number) => {
        const { x, label } = toy.sample(drawsOf(dataSeed ?? seed, name, which), n);
        return floatSplit(x, [2], label);
      };
      return {
        name,
        title: toy.title,
        datum: {
          kind: "continuous",
          shape: [2],
          ...(toy.range ? { range: toy.range } : {}),
          ...(toy.classes ? { classes: toy.classes } : {}),
        },
        licence: "none needed: drawn on the spot",
        source: toy.source,
        ...(toy.classes ? { labelNames: Array.from({ length: toy.classes }, (_, i) => String(i)) } : {}),
        entropy: toy.entropy,
        files: {},
        splits: { train: split("train", train), test: split("test", test) },
      };
    },
  });
});

/** Points of a 2-D distribution of known entropy; the label is the component a point was drawn from. */
export function toy(name: ToyName, options: ToyOptions = {}): DatasetSource {
  const factory = toyFactories[Object.keys(TOYS).indexOf(name)];
  if (!factory) throw new RangeError(`toy: "${name}" is not one of ${Object.keys(TOYS).join(", ")}`);
  return sourceOf(factory, options);
}
