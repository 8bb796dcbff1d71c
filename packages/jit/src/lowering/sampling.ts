import { range } from "./axes.js";
import type { Call } from "./registry.js";

/** What an output position reads along one axis: input positions with weights. */
export type Reads = readonly (readonly [index: number, weight: number])[];

/** How the pixels of two sizes lie on each other. */
export interface Sampling {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** The attributes of tfjs-core's resizing kernels. */
export function samplingOf<V>({ attr }: Call<V>): Sampling {
  return {
    alignCorners: attr<boolean>("alignCorners") ?? false,
    halfPixelCenters: attr<boolean>("halfPixelCenters") ?? false,
  };
}

function ratioOf(inSize: number, outSize: number, { alignCorners }: Sampling): number {
  const corner = alignCorners && outSize > 1 ? 1 : 0;
  return (inSize - corner) / (outSize - corner);
}

/** Two neighbours and their weights for every output position of a linear interpolation. */
export function bilinearReads(inSize: number, outSize: number, how: Sampling): Reads[] {
  const ratio = ratioOf(inSize, outSize, how);
  return range(outSize).map((i) => {
    const source = how.halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i;
    const low = Math.max(0, Math.floor(source));
    const high = Math.min(inSize - 1, Math.ceil(source));
    return [
      [low, 1 - (source - low)],
      [high, source - low],
    ];
  });
}

/** The input position that each output position repeats. */
export function nearestIndices(inSize: number, outSize: number, how: Sampling): number[] {
  const ratio = ratioOf(inSize, outSize, how);
  return range(outSize).map((i) => {
    const source = ratio * (how.halfPixelCenters ? i + 0.5 : i);
    return Math.max(0, Math.min(inSize - 1, how.alignCorners ? Math.round(source) : Math.floor(source)));
  });
}

/** Reads as a matrix, `(outSize, inSize)`. */
export function readsMatrix(reads: readonly Reads[], inSize: number): number[][] {
  return reads.map((row) => {
    const weights = new Array<number>(inSize).fill(0);
    for (const [index, weight] of row) weights[index] = (weights[index] as number) + weight;
    return weights;
  });
}

/** The transpose of a matrix with the given number of columns. */
export function transposed(matrix: readonly number[][], columns: number): number[][] {
  return range(columns).map((j) => matrix.map((row) => row[j] as number));
}

/** Whether a matrix is the identity of size n. */
export function isIdentity(matrix: readonly number[][], n: number): boolean {
  return matrix.length === n && matrix.every((row, r) => row.every((value, c) => value === (r === c ? 1 : 0)));
}
