import type { Key } from "@latentkit/core";
import type { Level, Levels } from "./level.js";
import type { SpacingName } from "./spacing.js";

/** A path from data to noise, and how it is visited in training and in sampling. Pure functions. */
export interface Process {
  readonly name: "vp" | "edm" | "flow";
  /** Whether networks get `x` scaled to unit variance; otherwise it has about that already. */
  readonly scalesInput: boolean;
  /** Levels of a training batch, shape `(n,)`. */
  draw(key: Key, n: number): Levels;
  /**
   * Levels that sampling visits, most noise first; the data, where it ends, are not among them.
   *
   * @throws UserError for a spacing or number that the process does not have.
   */
  levels(steps: number, spacing: SpacingName): Level[];
  /** The place where `sigma / alpha` is the given number. */
  levelAt(ratio: number): Level;
}
