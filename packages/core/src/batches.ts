import { hostKey, philoxPermutation, UserError } from "@latentkit/jit";

/** Which examples make up batch `t`: a function of (seed, t) alone, so that a run resumes without a cursor. */
export interface BatchOrder {
  readonly stepsPerEpoch: number;
  /** @param step Batch number from 0. @returns Positions in the split, `batchSize` of them. */
  indices(step: number): Int32Array;
}

/**
 * Every epoch is a keyed permutation of the split, cut into batches; the incomplete last one is left out.
 *
 * @throws UserError when the batch is larger than the data.
 */
export function batchOrder(size: number, batchSize: number, seed: number): BatchOrder {
  if (batchSize > size) {
    throw new UserError(
      "@latentkit/core",
      `batchSize ${batchSize} is larger than the data (${size} examples); use at most ${size}`,
    );
  }
  const stepsPerEpoch = Math.floor(size / batchSize);
  let epoch = -1;
  let order: Int32Array = new Int32Array(0);
  return {
    stepsPerEpoch,
    indices(step) {
      const wanted = Math.floor(step / stepsPerEpoch);
      if (wanted !== epoch) {
        order = philoxPermutation(hostKey(seed, "data", wanted), size);
        epoch = wanted;
      }
      const start = (step % stepsPerEpoch) * batchSize;
      return order.subarray(start, start + batchSize);
    },
  };
}

/** One slice of a split read in order, padded to a fixed length so that a compiled program fits it. */
export interface PaddedRange {
  /** `batchSize` positions; those past `count` repeat the last one. */
  readonly indices: Int32Array;
  /** How many of them are real. */
  readonly count: number;
}

/** Cuts positions `0 … size-1` into ranges of `batchSize`. */
export function* paddedRanges(size: number, batchSize: number): Generator<PaddedRange> {
  for (let start = 0; start < size; start += batchSize) {
    const count = Math.min(batchSize, size - start);
    yield { indices: Int32Array.from({ length: batchSize }, (_, i) => start + Math.min(i, count - 1)), count };
  }
}
