import { type Level, ratioOf } from "../process/level.js";
import { type Evaluation, pairwise, type Sampler } from "./plan.js";

/** Of the step from level t to level s in the process of training: what of the signal is left, and the variance that was added. */
function transition(t: Level, s: Level) {
  const alpha = t.alpha / s.alpha;
  return { alpha, variance: t.sigma ** 2 - alpha ** 2 * s.sigma ** 2 };
}

/**
 * Draws from `q(x_s | x_t, x0 = D)`, whose mean and variance are Ho et al., 2020, eq. 7, for any pair of levels Kingma et al., 2021, eq. 25-26.
 *
 * @param large Take the variance of the forward step (Ho et al.'s `sigma_t^2 = beta_t`, right for data like noise) instead of the posterior's (for data like a point).
 */
function posterior(t: Level, s: Level, large: boolean): Evaluation {
  const { alpha, variance } = transition(t, s);
  const spread = large ? variance : (variance * s.sigma ** 2) / t.sigma ** 2;
  return {
    at: t,
    x: {
      x: (alpha * s.sigma ** 2) / t.sigma ** 2,
      denoised: (s.alpha * variance) / t.sigma ** 2,
      noise: s.sigma === 0 ? 0 : Math.sqrt(spread), // none at the last step
    },
  };
}

/** Ancestral sampling of DDPM with the posterior's variance. Ho et al., 2020, Algorithm 2. https://arxiv.org/abs/2006.11239 */
export const sampleDdpm: Sampler = pairwise((t, s) => [posterior(t, s, false)]);

/** The same with the larger variance, that of the forward step; good with all time-steps only. */
export const sampleDdpmLarge: Sampler = pairwise((t, s) => [posterior(t, s, true)]);

/** Song et al., "Denoising diffusion implicit models", 2020, eq. 12 and 16. https://arxiv.org/abs/2010.02502 */
export const sampleDdim: Sampler = pairwise((t, s, { eta }) => {
  const { variance } = transition(t, s);
  const fresh = eta === 0 ? 0 : eta * (s.sigma / t.sigma) * Math.sqrt(Math.max(variance, 0));
  const kept = Math.sqrt(Math.max(s.sigma ** 2 - fresh ** 2, 0)) / t.sigma; // of eps = (x - alpha D) / sigma
  return [{ at: t, x: { x: kept, denoised: s.alpha - kept * t.alpha, noise: fresh } }];
});

/**
 * Euler steps of the probability-flow equation in `x / alpha`, from `sigma / alpha = s` to `s'`: `x + (s' - s) (x - D) / s`.
 * Karras et al., 2022, Algorithm 1 without its correction. https://arxiv.org/abs/2206.00364
 */
export const sampleEuler: Sampler = pairwise((from, to) => [eulerStep(from, to)]);

/** @param down The ratio to go to, when noise is added afterwards. */
export function eulerStep(from: Level, to: Level, down = ratioOf(to), noise = 0): Evaluation {
  const keeps = down / ratioOf(from); // 0 from pure noise
  return { at: from, x: { x: (to.alpha * down) / from.sigma, denoised: to.alpha * (1 - keeps), noise } };
}

/** Euler steps that go too far down and up again with fresh noise. k-diffusion, `sample_euler_ancestral`. https://github.com/crowsonkb/k-diffusion */
export const sampleEulerAncestral: Sampler = pairwise((from, to, { eta }) => {
  const ratio = ratioOf(to);
  const up = Math.min(ratio, eta * ratio * Math.sqrt(Math.max(1 - (ratio / ratioOf(from)) ** 2, 0)));
  return [eulerStep(from, to, Math.sqrt(ratio ** 2 - up ** 2), to.alpha * up)];
});
