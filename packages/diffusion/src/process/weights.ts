import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Levels } from "./level.js";
import { errorScale, preconditioning, type TargetName } from "./target.js";

/*
 * How much each noise level counts. Weights are given for the squared error of x0, which is the same thing for every target; a squared error of a
 * target is `errorScale^2` times that of x0.
 */

/** Names of the {@link weights}. */
export const WEIGHT_NAMES = ["simple", "min-snr", "soft-min-snr", "edm"] as const;
export type WeightName = (typeof WEIGHT_NAMES)[number];

/** What a weight depends on. */
export interface WeightOptions {
  readonly target: TargetName;
  /** Signal-to-noise ratio from which min-SNR weighs no more. */
  readonly gamma: number;
}

type Weight = (levels: Levels, sigmaData: Tensor, options: WeightOptions) => Tensor;

const snrOf = ({ alpha, sigma }: Levels): Tensor => tf.square(tf.div(alpha, sigma));

/** Weights of the squared error of `x0`, shape of the levels. */
export const weights: Readonly<Record<WeightName, Weight>> = {
  /** Every level counts the same in the target's own units. Ho et al., 2020, eq. 14. https://arxiv.org/abs/2006.11239 */
  simple: (levels, sigmaData, { target }) => tf.square(errorScale(target, levels, sigmaData)),
  /** `min(SNR, gamma)`. Hang et al., 2023, §3.4. https://arxiv.org/abs/2303.09556 */
  "min-snr": (levels, _sigmaData, { gamma }) => tf.minimum(snrOf(levels), gamma),
  /** `SNR / (1 + SNR sigmaData^2)`, a smooth minimum of SNR and `1 / sigmaData^2`. Crowson et al., 2024, §3.4. https://arxiv.org/abs/2401.11605 */
  "soft-min-snr"(levels, sigmaData) {
    const snr = snrOf(levels);
    return tf.div(snr, tf.add(1, tf.mul(snr, tf.square(sigmaData))));
  },
  /** `1 / cOut^2`, so that every level counts the same for the preconditioned network. Karras et al., 2022, §5. https://arxiv.org/abs/2206.00364 */
  edm: (levels, sigmaData) => tf.div(1, tf.square(preconditioning(levels, sigmaData).cOut)),
};

/** The same weight for the squared error of the target, which stays finite where that of `x0` does not. */
export function targetWeight(name: WeightName, levels: Levels, sigmaData: Tensor, options: WeightOptions): Tensor {
  if (name === "simple" || (name === "edm" && options.target === "edm")) return tf.ones(levels.alpha.shape);
  const scale = errorScale(options.target, levels, sigmaData);
  return tf.div(weights[name](levels, sigmaData, options), tf.square(scale));
}
