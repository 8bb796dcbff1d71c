import { hostKey, philoxNormal, philoxPermutation } from "@latentkit/core";

/**
 * A random rotation as a function of a number, uniformly distributed: Gram-Schmidt on normal vectors, in float64. It is a constant of the
 * model, not a parameter, so it costs no room in checkpoints.
 *
 * @returns Row-major, `F * F` values.
 */
export function rotationMatrix(F: number, seed: number): Float32Array {
  const drawn = philoxNormal(hostKey(seed, "rotation", F), F * F);
  const rows: number[][] = [];
  for (let i = 0; i < F; i++) {
    let row = Array.from(drawn.subarray(i * F, (i + 1) * F));
    for (const _again of [0, 1]) for (const other of rows) row = minusProjection(row, other); // twice is enough
    const length = Math.hypot(...row);
    rows.push(row.map((value) => value / length));
  }
  return Float32Array.from(rows.flat());
}

function minusProjection(row: readonly number[], unit: readonly number[]): number[] {
  const along = row.reduce((sum, value, i) => sum + value * (unit[i] as number), 0);
  return row.map((value, i) => value - along * (unit[i] as number));
}

/** A random order of `0 … F - 1` as a function of a number. */
export function randomOrder(F: number, seed: number): number[] {
  return Array.from(philoxPermutation(hostKey(seed, "order", F), F));
}
