import { UserError } from "@latentkit/core";
import type { Level } from "../process/level.js";
import type { Sampler } from "./plan.js";

/**
 * Goes every step `times` times: down, up again with fresh noise, down. What is painted into a picture then agrees with what is around it.
 * Lugmayr et al., "RePaint", 2022, Algorithm 1 with jumps of one step. https://arxiv.org/abs/2201.09865
 *
 * @throws UserError for samplers that remember earlier evaluations or take several a step.
 */
export function resampled(sampler: Sampler, times: number, name: string): Sampler {
  if (times === 1) return sampler;
  return (levels, options) => {
    const plan = sampler(levels, options);
    if (plan.length !== levels.length - 1 || plan.some(({ a, b }) => a !== undefined || b !== undefined)) {
      throw new UserError(
        "@latentkit/diffusion",
        `resample ${times} needs a sampler whose steps stand alone, got "${name}"; use ddpm, ddim, euler or euler-ancestral`,
      );
    }
    return plan.flatMap((evaluation, i) => {
      const [from, to] = [levels[i] as Level, levels[i + 1] as Level];
      const keeps = from.alpha / to.alpha; // x_from = keeps x_to + fresh noise
      const { x = 0, denoised = 0, noise = 0 } = evaluation.x;
      const variance = from.sigma ** 2 - (keeps * to.sigma) ** 2 + (keeps * noise) ** 2;
      const back = {
        at: from,
        x: { x: keeps * x, denoised: keeps * denoised, noise: Math.sqrt(Math.max(variance, 0)) },
      };
      return [...Array(times - 1).fill(back), evaluation];
    });
  };
}
