import * as tf from "@tensorflow/tfjs-core";
import { type Level, ratioOf } from "./level.js";
import type { Process } from "./process.js";
import { checkSpacing, karrasSigmas } from "./spacing.js";
import { evenlySpread, evenlySpreadNormal } from "./spread.js";

/** How times are drawn in training and spaced in sampling. */
export interface FlowOptions {
  /** `uniform`, or the logistic function of a normal number, which looks more often at the middle. */
  readonly times: "uniform" | "logit-normal";
  /** Moves the times of sampling towards the noise: `s' = shift s / (1 + (shift - 1) s)` with `s = 1 - t`; 1 leaves them. */
  readonly shift: number;
}

/** The level of time t: `x = t x0 + (1 - t) eps`. */
const levelOf = (t: number): Level => ({ alpha: t, sigma: 1 - t, time: 1000 * (1 - t) });

/**
 * Straight lines from noise (t = 0) to data (t = 1).
 * Lipman et al., "Flow matching for generative modeling", 2022, §4.1. https://arxiv.org/abs/2210.02747
 * Liu et al., "Flow straight and fast", 2022, §2. https://arxiv.org/abs/2209.03003
 * Logit-normal times and the shift: Esser et al., 2024, §3.1 and §5.3.2. https://arxiv.org/abs/2403.03206
 */
export function flowProcess({ times, shift }: FlowOptions): Process {
  return {
    name: "flow",
    scalesInput: false,
    draw(key, n) {
      const t = times === "uniform" ? evenlySpread(key, n) : tf.sigmoid(evenlySpreadNormal(key, n));
      const sigma = tf.sub(1, t);
      return { alpha: t, sigma, time: tf.mul(sigma, 1000) };
    },
    levels(steps, spacing) {
      checkSpacing(spacing, ["auto", "trailing", "karras"], "process flow");
      if (spacing === "karras") return karrasSigmas(steps, 0.002, 80).map(levelAt);
      return Array.from({ length: steps }, (_, i) => {
        const s = 1 - i / steps;
        return levelOf(1 - (shift * s) / (1 + (shift - 1) * s));
      });
    },
    levelAt,
  };
}

function levelAt(ratio: number): Level {
  return levelOf(Number.isFinite(ratio) ? 1 / (1 + ratio) : 0);
}

/** `t` of a level of any process, as if it were on a straight line: `alpha / (alpha + sigma)`. */
export function flowTime(level: Pick<Level, "alpha" | "sigma">): number {
  return level.alpha / (level.alpha + level.sigma);
}

/** `sigma / alpha` at time t. */
export const ratioAtTime = (t: number): number => ratioOf({ alpha: t, sigma: 1 - t });
