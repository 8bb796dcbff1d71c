import { type Level, ratioOf } from "../process/level.js";
import type { Evaluation, Sampler } from "./plan.js";

/*
 * DPM-Solver++ works in lambda = log(alpha / sigma), h is the step in it: e^-h = s' / s for ratios s = sigma / alpha.
 * Lu et al., "DPM-Solver++", 2022. https://arxiv.org/abs/2211.01095
 */

/** Extrapolates D to the middle of the step from the last one: weights of D now and before. `r` = last step / this step. */
const extrapolated = (r: number) => ({ now: 1 + 1 / (2 * r), before: -1 / (2 * r) });

const stepOf = (from: Level, to: Level): number => Math.log(ratioOf(from) / ratioOf(to));

/** Whether a step to `to` may use what was seen before it; from pure noise and to the data it is of first order. */
function memoryOf(levels: readonly Level[], i: number): number | undefined {
  const [before, from, to] = [levels[i - 1], levels[i] as Level, levels[i + 1] as Level];
  if (before === undefined || to.sigma === 0) return undefined;
  const r = stepOf(before, from) / stepOf(from, to);
  return Number.isFinite(r) ? r : undefined;
}

/** DPM-Solver++(2M): multistep, one evaluation a step, second order. Algorithm 2. */
export const sampleDpmpp2m: Sampler = (levels) =>
  levels.slice(1).map((to, i): Evaluation => {
    const from = levels[i] as Level;
    const r = memoryOf(levels, i);
    const { now, before } = r === undefined ? { now: 1, before: 0 } : extrapolated(r);
    const gain = to.alpha * (1 - ratioOf(to) / ratioOf(from)); // -alpha' (e^-h - 1)
    return {
      at: from,
      x: { x: to.sigma / from.sigma, denoised: gain * now, a: gain * before },
      a: { denoised: 1 },
    };
  });

/**
 * SDE-DPM-Solver++(2M), midpoint form: the same with a share `eta` of the noise renewed on every step. Appendix C of the paper, as in k-diffusion's
 * `sample_dpmpp_2m_sde`. https://github.com/crowsonkb/k-diffusion
 */
export const sampleDpmpp2mSde: Sampler = (levels, { eta }) =>
  levels.slice(1).map((to, i): Evaluation => {
    const from = levels[i] as Level;
    const r = memoryOf(levels, i);
    const shrink = ratioOf(to) / ratioOf(from); // e^-h
    const forget = shrink ** eta; // e^(-eta h)
    const gain = to.alpha * (1 - shrink * forget);
    const correction = r === undefined ? 0 : gain / (2 * r);
    return {
      at: from,
      x: {
        x: (to.sigma / from.sigma) * forget,
        denoised: gain + correction,
        a: -correction,
        noise: to.sigma * Math.sqrt(1 - forget ** 2),
      },
      a: { denoised: 1 },
    };
  });
