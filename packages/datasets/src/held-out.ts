import { hostKey, philoxPermutation } from "@latentkit/core";
import { z } from "zod";
import { refusal } from "./refusal.js";

/** Options of every reader that splits the data itself. */
export const heldOutOptions = {
  testFraction: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.1)
    .describe("the share of the examples held out as test split, between 0 and 1"),
  splitSeed: z.int().optional().describe("the seed of the random split, an integer; absent: the run's seed"),
};

/** Positions of the examples of the two splits. */
export interface HeldOut {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/**
 * Splits `n` examples at random: the first `round(n * testFraction)` of a keyed permutation (at least one, at most `n - 1`) are the test split.
 *
 * @param what Names the data in messages.
 * @throws UserError when there are fewer than 2 examples.
 */
export function holdOut(
  what: string,
  n: number,
  seed: number,
  options: { readonly testFraction: number; readonly splitSeed?: number | undefined },
): HeldOut {
  if (n < 2)
    throw refusal(
      `${what} has ${n === 1 ? "1 example" : "no examples"}; at least 2 are needed, one to train and one to test`,
    );
  const order = philoxPermutation(hostKey(options.splitSeed ?? seed, "split"), n);
  const testSize = Math.min(n - 1, Math.max(1, Math.round(n * options.testFraction)));
  return { test: order.slice(0, testSize), train: order.slice(testSize) };
}
