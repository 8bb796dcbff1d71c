import * as tf from "@tensorflow/tfjs-core";
import type { Level } from "./level.js";
import type { Process } from "./process.js";
import { checkSpacing, karrasSigmas } from "./spacing.js";
import { evenlySpreadNormal } from "./spread.js";

/** Where training and sampling look. */
export interface EdmOptions {
  /** Mean and standard deviation of `ln sigma` in training. */
  readonly logMean: number;
  readonly logStd: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
}

/** `1000 cNoise`, `cNoise = ln(sigma) / 4`: about -1550 to 1100 from 0.002 to 80, where time embeddings resolve it. */
const TIME_SCALE = 250;

/**
 * Noise added to the data, `alpha = 1`: sigma log-normal in training, a Karras grid in sampling.
 * Karras et al., "Elucidating the design space of diffusion-based generative models", 2022, table 1. https://arxiv.org/abs/2206.00364
 */
export function edmProcess({ logMean, logStd, sigmaMin, sigmaMax }: EdmOptions): Process {
  const levelAt = (sigma: number): Level => ({ alpha: 1, sigma, time: TIME_SCALE * Math.log(Math.max(sigma, 1e-10)) });
  return {
    name: "edm",
    scalesInput: true,
    draw(key, n) {
      const logSigma = tf.add(tf.mul(evenlySpreadNormal(key, n), logStd), logMean);
      return { alpha: tf.ones([n]), sigma: tf.exp(logSigma), time: tf.mul(logSigma, TIME_SCALE) };
    },
    levels(steps, spacing) {
      checkSpacing(spacing, ["auto", "karras"], "process edm");
      return karrasSigmas(steps, sigmaMin, sigmaMax).map(levelAt);
    },
    levelAt: (ratio) => levelAt(Math.min(ratio, sigmaMax)),
  };
}
