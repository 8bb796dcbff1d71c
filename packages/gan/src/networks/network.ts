import { type Key, type TensorTree, UserError } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NormContext } from "../layers.js";
import type { GanSettings } from "../presets.js";

/** Parameters, and what normalisation remembers (none when it has none). */
export interface NetworkInit {
  readonly params: TensorTree;
  readonly state: Readonly<Record<string, TensorTree>>;
}

/** From noise to data, a pure function of parameters and state. */
export interface Generator {
  init(key: Key): NetworkInit;
  /**
   * @param z Shape `(B, latentDim)`, or with the classes beside it, see {@link withLabel}.
   * @returns Unbounded values, shape `(B, ...shape)`, and the state of the next step.
   */
  apply(
    params: TensorTree,
    state: NetworkInit["state"],
    z: Tensor,
    context: NormContext,
  ): { x: Tensor; state: NetworkInit["state"] };
}

/** From data to features; batches are always normalised by themselves, so it has no state. */
export interface Body {
  /** Length of the features. */
  readonly features: number;
  init(key: Key): TensorTree;
  /** @param x Shape `(B, ...shape)`. @returns Shape `(B, features)`. */
  apply(params: TensorTree, x: Tensor): Tensor;
}

/** What networks are built from. */
export interface NetworkOptions
  extends Pick<GanSettings, "latentDim" | "hidden" | "frequencies" | "codes" | "width" | "blocks" | "generatorNorm"> {
  readonly shape: readonly number[];
  /** Number of classes when conditional. */
  readonly classes: number | undefined;
  readonly discriminatorNorm: "none" | "batch";
}

/** The smallest height and width that convolutions work on. */
const SMALLEST = 3;

/**
 * Heights and widths from the full image down, each half of the one before, as long as both are even and the half is at least 3.
 *
 * @throws UserError when the image cannot be halved once.
 */
export function halvings(shape: readonly number[]): (readonly [height: number, width: number])[] {
  const [height, width] = shape as [number, number];
  const sizes: [number, number][] = [[height, width]];
  for (let [h, w] = [height, width]; h % 2 === 0 && w % 2 === 0 && Math.min(h, w) / 2 >= SMALLEST; ) {
    [h, w] = [h / 2, w / 2];
    sizes.push([h, w]);
  }
  if (sizes.length > 1) return sizes;
  throw new UserError(
    "@latentkit/gan",
    `images of ${height}x${width} cannot be halved to at least ${SMALLEST}x${SMALLEST} without a remainder; resize them, e.g. to ${nearestSize(height)}x${nearestSize(width)}, or set network to mlp`,
  );
}

const nearestSize = (size: number): number => Math.max(8, 4 * Math.round(size / 4));
