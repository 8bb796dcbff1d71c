import type { Estimate } from "./frechet.js";

/** Share of values that fulfil a condition, with its binomial standard error, `sqrt(p (1 - p) / n)`. */
export function shareOf(values: ArrayLike<number>, holds: (value: number, i: number) => boolean): Estimate {
  let hits = 0;
  for (let i = 0; i < values.length; i++) if (holds(values[i] as number, i)) hits++;
  return proportion(hits, values.length);
}

const proportion = (hits: number, n: number): Estimate => ({
  value: hits / n,
  stderr: Math.sqrt(((hits / n) * (1 - hits / n)) / n),
});

/** `0.913 ± 0.003`. */
export function formatShare({ value, stderr }: Estimate): string {
  return `${value.toFixed(3)} ± ${stderr.toFixed(3)}`;
}

/** How many times each of the labels `0 … classes - 1` occurs. */
export function classCounts(labels: ArrayLike<number>, classes: number): Float64Array {
  const counts = new Float64Array(classes);
  for (let i = 0; i < labels.length; i++) counts[labels[i] as number] = (counts[labels[i] as number] as number) + 1;
  return counts;
}

/** The rarest and the most frequent class of the samples. */
export function extremeShares(counts: Float64Array): { least: Estimate; most: Estimate } {
  const n = counts.reduce((sum, count) => sum + count, 0);
  return { least: proportion(Math.min(...counts), n), most: proportion(Math.max(...counts), n) };
}

/** Classes that at least one sample belongs to. */
export function modesCovered(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
}

/**
 * `KL(samples || data)` of the classes' shares, nats. Half a count is added to every class of the data, so that a class which happens to be
 * missing among them does not make it infinite. Biased upwards by about `(classes - 1) / 2n` for each of the two sets.
 *
 * The standard error is that of the plug-in estimate by the delta method: `sqrt(Var(ln p/q) / n)`.
 */
export function classDivergence(samples: Float64Array, data: Float64Array): Estimate {
  const n = samples.reduce((sum, count) => sum + count, 0);
  const m = data.reduce((sum, count) => sum + count + 0.5, 0);
  let value = 0;
  let squares = 0;
  for (let c = 0; c < samples.length; c++) {
    const p = (samples[c] as number) / n;
    if (p === 0) continue;
    const ratio = Math.log(p / (((data[c] as number) + 0.5) / m));
    value += p * ratio;
    squares += p * ratio * ratio;
  }
  return { value, stderr: Math.sqrt(Math.max(0, squares - value * value) / n) };
}
