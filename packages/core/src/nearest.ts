/**
 * Edits that turn `a` into `b`: insertions, deletions, substitutions and swaps of neighbouring characters, each substring edited at most once
 * (optimal string alignment, the restricted form of Damerau, 1964). https://doi.org/10.1145/363958.363994
 */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(substitution, (previous[j] as number) + 1, (row[j - 1] as number) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j] as number, (before[j - 2] as number) + 1);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] as number;
}

/**
 * The candidate a mistyped name was probably meant to be, ignoring case: at most a third of the letters (and at least one) differ,
 * or one is the beginning of the other. Ties go to the earlier candidate.
 *
 * @returns Nothing when no candidate is near.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const typed = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    const isPrefix = typed.length >= 3 && (known.startsWith(typed) || (known.length >= 3 && typed.startsWith(known)));
    const distance = isPrefix ? 0.5 : editDistance(typed, known);
    const limit = Math.max(1, Math.floor(Math.max(typed.length, known.length) / 3));
    if (distance <= limit && distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** ` (did you mean "mnist"?)` for error messages; empty when no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? "" : ` (did you mean "${nearest}"?)`;
}
