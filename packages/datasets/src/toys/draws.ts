import { hostKey, philoxNormal, philoxUniform } from "@latentkit/core";

/** The random numbers of one split of a toy: each use has its own name, so that none depends on another. */
export interface Draws {
  /** `count` numbers in [0, 1). */
  uniform(use: string, count: number): Float32Array;
  /** `count` standard normals. */
  normal(use: string, count: number): Float32Array;
  /** `count` integers in [0, below), equally likely. */
  integer(use: string, count: number, below: number): Int32Array;
}

/** Random numbers that are a function of seed and path (Philox4x32-10). */
export function drawsOf(seed: number, ...path: readonly string[]): Draws {
  const uniform = (use: string, count: number) => philoxUniform(hostKey(seed, ...path, use), count);
  return {
    uniform,
    normal: (use, count) => philoxNormal(hostKey(seed, ...path, use), count),
    integer: (use, count, below) => Int32Array.from(uniform(use, count), (u) => Math.floor(u * below)),
  };
}
