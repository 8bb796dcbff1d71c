/**
 * Fewest insertions, deletions and substitutions that make one sequence of another.
 * Levenshtein, 1966; algorithm of Wagner and Fischer, 1974, https://doi.org/10.1145/321796.321811
 */
export function editDistance<T>(a: ArrayLike<T>, b: ArrayLike<T>): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j); // distances of the first i of a to the first j of b
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** An answer held against what it should have been. */
export interface Edits {
  /** Edit distance to the reference. */
  readonly edits: number;
  /** Length of that reference. */
  readonly length: number;
}

/**
 * The edits between an answer and the nearest of several right ones; of equally near ones the first. The rule of the literature on
 * pronunciations with variants: Yao and Zweig, 2015, §4.1, https://arxiv.org/abs/1506.00196
 *
 * @param references At least one.
 */
export function nearestEdits<T>(answer: ArrayLike<T>, references: readonly ArrayLike<T>[]): Edits {
  let best: Edits | undefined;
  for (const reference of references) {
    const edits = editDistance(answer, reference);
    if (best === undefined || edits < best.edits) best = { edits, length: reference.length };
  }
  if (best === undefined) throw new RangeError("nearestEdits: there is no reference");
  return best;
}

/**
 * Errors for every hundred of what should be there, all answers together: phoneme, word or character error rate, by what an element is.
 * Insertions count, so it may exceed 100 %.
 *
 * @returns Its standard error is that of a ratio of means (Cochran, 1977, §2.11).
 */
export function errorRate(answers: readonly Edits[]): { value: number; stderr: number; n: number } {
  return ratioOfMeans(
    answers.map(({ edits }) => 100 * edits),
    answers.map(({ length }) => length),
  );
}

/** `sum(a) / sum(b)` with its standard error by linearisation. */
export function ratioOfMeans(a: ArrayLike<number>, b: ArrayLike<number>): { value: number; stderr: number; n: number } {
  const n = a.length;
  let [sumA, sumB] = [0, 0];
  for (let i = 0; i < n; i++) {
    sumA += a[i] as number;
    sumB += b[i] as number;
  }
  const value = sumA / sumB;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((a[i] as number) - value * (b[i] as number)) ** 2;
  return { value, stderr: n > 1 ? Math.sqrt((squares * n) / (n - 1)) / sumB : Number.NaN, n };
}
