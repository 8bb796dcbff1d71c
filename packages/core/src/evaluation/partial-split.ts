/** Views of a split for evaluations: a part of it, and one that tells how far the reading is. */
import type { Split } from "../data.js";
import { referenceOrder } from "./grading.js";

/** `n` examples drawn without regard to how they are stored; the same ones every time. */
export function drawnPart(split: Split, n: number): Split {
  const chosen = referenceOrder(split.size).slice(0, n);
  return {
    size: n,
    fields: split.fields,
    gather: (indices) => split.gather(Int32Array.from(indices, (i) => chosen[i] as number)),
  };
}

/** The same split; `onRead` is told before each reading how many examples it is of, and may throw to stop it. */
export function watchedSplit(split: Split, onRead: (rows: number) => void): Split {
  return {
    size: split.size,
    fields: split.fields,
    gather(indices) {
      onRead(indices.length);
      return split.gather(indices);
    },
  };
}
