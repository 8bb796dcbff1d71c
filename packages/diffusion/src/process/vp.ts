import { UserError } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { DATA, type Level, ratioOf } from "./level.js";
import type { Process } from "./process.js";
import { alphaBars, type ScheduleOptions } from "./schedules.js";
import { discreteTimes, karrasSigmas } from "./spacing.js";
import { evenlySpread } from "./spread.js";

/**
 * Variance-preserving diffusion in discrete time: `alpha^2 = alphaBar[t]`, `sigma^2 = 1 - alphaBar[t]`, t uniform in 0 … T-1.
 * Ho et al., "Denoising diffusion probabilistic models", 2020, eq. 4. https://arxiv.org/abs/2006.11239
 */
export function vpProcess(options: ScheduleOptions): Process {
  const bars = alphaBars(options);
  const table = Array.from(bars, (bar, t): Level => ({ alpha: Math.sqrt(bar), sigma: Math.sqrt(1 - bar), time: t }));
  const T = table.length;
  const column = (name: "alpha" | "sigma") => tf.tensor1d(table.map((level) => level[name]));
  return {
    name: "vp",
    scalesInput: false,
    draw(key, n) {
      const t = tf.cast(tf.minimum(tf.floor(tf.mul(evenlySpread(key, n), T)), T - 1), "int32") as tf.Tensor1D;
      return {
        alpha: tf.gather(column("alpha"), t),
        sigma: tf.gather(column("sigma"), t),
        time: tf.cast(t, "float32"),
      };
    },
    levels(steps, spacing) {
      if (spacing === "karras") return karrasLevels(table, steps);
      const name = spacing === "auto" ? "trailing" : spacing;
      return discreteTimes(name, steps, T).map((t) => table[t] as Level);
    },
    levelAt: (ratio) => levelAt(table, ratio),
  };
}

function karrasLevels(table: readonly Level[], steps: number): Level[] {
  discreteTimes("trailing", steps, table.length); // refuses more steps than there are
  const [first, last] = [table[0] as Level, table[table.length - 1] as Level];
  if (last.alpha === 0) {
    throw new UserError(
      "@latentkit/diffusion",
      'spacing must not be karras for a model trained with zeroTerminalSnr: its last noise is infinite; use "trailing"',
    );
  }
  return karrasSigmas(steps, ratioOf(first), ratioOf(last)).map((ratio) => levelAt(table, ratio));
}

/** Between two time-steps the time is interpolated in the logarithm of `sigma / alpha`; alpha and sigma are exact. */
function levelAt(table: readonly Level[], ratio: number): Level {
  if (ratio === 0) return DATA;
  const exact = Number.isFinite(ratio)
    ? { alpha: 1 / Math.hypot(1, ratio), sigma: ratio / Math.hypot(1, ratio) }
    : { alpha: 0, sigma: 1 };
  let low = 0;
  let high = table.length - 1;
  if (ratio <= ratioOf(table[low] as Level)) return { ...exact, time: 0 };
  if (ratio >= ratioOf(table[high] as Level)) return { ...exact, time: high };
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ratioOf(table[middle] as Level) <= ratio) low = middle;
    else high = middle;
  }
  const [a, b] = [Math.log(ratioOf(table[low] as Level)), Math.log(ratioOf(table[high] as Level))];
  const share = Number.isFinite(b) ? (Math.log(ratio) - a) / (b - a) : 0;
  return { ...exact, time: low + share };
}
