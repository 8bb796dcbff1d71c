import { UserError } from "@latentkit/jit";

/** Points of a feature space, row after row; what every distance between sets of samples is computed from. */
export interface Points {
  readonly count: number;
  /** Dimensions of one point. */
  readonly width: number;
  /** `count * width` values. */
  readonly data: Float32Array | Float64Array;
}

/** Points from rows of numbers. @throws RangeError when the values do not fill the rows. */
export function points(data: Float32Array | Float64Array, width: number): Points {
  if (data.length % width !== 0) throw new RangeError(`${data.length} values do not fill rows of ${width}`);
  return { count: data.length / width, width, data };
}

/** The points at the given positions, in that order. */
export function selectPoints({ data, width }: Points, indices: ArrayLike<number>): Points {
  const selected = new Float64Array(indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const from = (indices[i] as number) * width;
    selected.set(data.subarray(from, from + width), i * width);
  }
  return { count: indices.length, width, data: selected };
}

/** Squared Euclidean distance of row `i` of `a` and row `j` of `b`. */
export function squaredDistance(a: Points, i: number, b: Points, j: number): number {
  const { data: x, width } = a;
  const y = b.data;
  let p = i * width;
  let q = j * width;
  let sum = 0;
  for (let k = 0; k < width; k++, p++, q++) {
    const difference = (x[p] as number) - (y[q] as number);
    sum += difference * difference;
  }
  return sum;
}

/**
 * Refuses what a measure of two sets would answer with a misleading number. Every one of them depends on the number of points, so the
 * sets must be equally large.
 *
 * @throws RangeError when the sets are of different widths.
 * @throws UserError when one has fewer than `least` points, or they have different numbers of them.
 */
export function checkPoints(measure: string, a: Points, b: Points, least: number): void {
  if (a.width !== b.width) throw new RangeError(`${measure}: points of ${a.width} and of ${b.width} dimensions`);
  const fewest = Math.min(a.count, b.count);
  if (fewest < least) {
    throw new UserError(
      "@latentkit/core",
      `${measure} needs at least ${least} samples, got ${fewest}; take more (--limit, in a comparison --samples)`,
    );
  }
  if (a.count !== b.count) {
    throw new UserError(
      "@latentkit/core",
      `${measure} compares sets of equal size, got ${a.count} and ${b.count} samples; take ${fewest} of both`,
    );
  }
}
