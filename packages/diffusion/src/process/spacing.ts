import { UserError } from "@latentkit/core";

/** How the time-steps of sampling are chosen among all. */
export const SPACING_NAMES = ["auto", "trailing", "leading", "linspace", "karras"] as const;
export type SpacingName = (typeof SPACING_NAMES)[number];

/** Half to even, as NumPy rounds, so that lists equal those of diffusers. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * `steps` of the time-steps `T-1 … 0`, latest first. Trailing always begins with the last, where nothing but noise is left.
 * Lin et al., 2023, table 2. https://arxiv.org/abs/2305.08891
 *
 * @throws UserError when there are not so many.
 */
export function discreteTimes(
  spacing: "trailing" | "leading" | "linspace",
  steps: number,
  timesteps: number,
): number[] {
  if (steps > timesteps) {
    throw new UserError(
      "@latentkit/diffusion",
      `steps must be at most ${timesteps}, the time-steps that the model was trained with, got ${steps}; choose fewer`,
    );
  }
  const indices = Array.from({ length: steps }, (_, i) => i);
  if (spacing === "trailing") return indices.map((i) => roundHalfEven(timesteps - (i * timesteps) / steps) - 1);
  if (spacing === "leading") return indices.map((i) => (steps - 1 - i) * Math.floor(timesteps / steps));
  if (steps === 1) return [timesteps - 1];
  return indices.map((i) => roundHalfEven(((timesteps - 1) * (steps - 1 - i)) / (steps - 1)));
}

/** Noise from `max` down to `min`, evenly in its `rho`-th root. Karras et al., 2022, eq. 5. https://arxiv.org/abs/2206.00364 */
export function karrasSigmas(steps: number, min: number, max: number, rho = 7): number[] {
  const [low, high] = [min ** (1 / rho), max ** (1 / rho)];
  return Array.from({ length: steps }, (_, i) => (high + (steps === 1 ? 0 : (i / (steps - 1)) * (low - high))) ** rho);
}

/** For a continuous process. @throws UserError for a spacing that it does not have. */
export function checkSpacing(spacing: SpacingName, allowed: readonly SpacingName[], process: string): void {
  if (allowed.includes(spacing)) return;
  throw new UserError(
    "@latentkit/diffusion",
    `spacing must be ${allowed.join(" or ")} for ${process}, which has no discrete time-steps, got "${spacing}"; leave it out`,
  );
}
