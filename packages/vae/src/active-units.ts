import type { HostTensor } from "@latentkit/core";

/** Variance of the posterior mean above which a latent dimension counts as used. */
const ACTIVE_VARIANCE = 0.01;

/**
 * Number of latent dimensions the model uses: those with `Var_x(E_q[z_j | x]) > 0.01`.
 * Burda, Grosse, Salakhutdinov, 2015, §5.2. https://arxiv.org/abs/1509.00519
 *
 * @param means Posterior means of a split, shape `(n, latentDim)`.
 * @returns The count; nothing is drawn, so `stderr` is 0.
 */
export function countActiveUnits({ data, shape }: HostTensor): { value: number; stderr: number; n: number } {
  const [n, latentDim] = shape as [number, number];
  const variances = Array.from({ length: latentDim }, (_, j) => {
    let mean = 0;
    let squares = 0; // sum of squared deviations (Welford)
    for (let i = 0; i < n; i++) {
      const delta = (data[i * latentDim + j] as number) - mean;
      mean += delta / (i + 1);
      squares += delta * ((data[i * latentDim + j] as number) - mean);
    }
    return squares / Math.max(n - 1, 1);
  });
  return { value: variances.filter((variance) => variance > ACTIVE_VARIANCE).length, stderr: 0, n };
}
