import { type HostTensor, hostTensor } from "@latentkit/jit";
import { rowsOf } from "./data-kind.js";

/** `slerp` keeps the length of Gaussian latents on the way, `lerp` is the straight line. */
export type InterpolationMethod = "slerp" | "lerp";

/** The method that suits a latent size: in few dimensions Gaussian latents fill the ball, in many they lie near a sphere. */
export function defaultMethod(latentSize: number): InterpolationMethod {
  return latentSize > 3 ? "slerp" : "lerp";
}

/**
 * Latents on the way from `a` to `b`, both ends included.
 * Spherical: Shoemake, "Animating rotation with quaternion curves", 1985; for latents White, 2016, https://arxiv.org/abs/1609.04468.
 *
 * @param t In [0, 1].
 */
export function between(a: readonly number[], b: readonly number[], t: number, method: InterpolationMethod): number[] {
  const [wa, wb] = method === "slerp" ? sphericalWeights(a, b, t) : [1 - t, t];
  return a.map((x, i) => wa * x + wb * (b[i] as number));
}

function sphericalWeights(a: readonly number[], b: readonly number[], t: number): [number, number] {
  const dot = a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
  const cosine = dot / (Math.hypot(...a) * Math.hypot(...b));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  if (!(sine > 1e-4)) return [1 - t, t]; // parallel, opposite, or no direction at all
  return [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
}

/** Latents of several ways one after the other, `steps` each. @param pairs Rows of `z`. @returns Shape `(pairs * steps, ...latent)`. */
export function interpolationGrid(
  z: HostTensor,
  pairs: readonly (readonly [from: number, to: number])[],
  steps: number,
  method: InterpolationMethod,
): HostTensor {
  const rows = rowsOf(z);
  const times = Array.from({ length: steps }, (_, i) => (steps === 1 ? 0 : i / (steps - 1)));
  const values = pairs.flatMap(([from, to]) =>
    times.flatMap((t) => between(rows[from] as number[], rows[to] as number[], t, method)),
  );
  return hostTensor(values, [pairs.length * steps, ...z.shape.slice(1)]);
}
