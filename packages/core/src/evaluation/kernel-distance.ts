import type { Estimate } from "./frechet.js";
import { checkPoints, type Points } from "./points.js";

/** Most points of a subset; the papers' own size. */
const SUBSET = 1000;
const LEAST_SUBSETS = 10;

/**
 * Kernel distance: the squared maximum mean discrepancy with the kernel `(x.y / d + 1)^3`, unbiased, so that it is zero on average for
 * equal distributions and may be negative. Bińkowski et al., 2018, §4 (https://arxiv.org/abs/1801.01401).
 *
 * The mean over disjoint subsets of up to 1000 points, at least ten. Disjoint ones are independent, so their spread gives the standard
 * error; the spread of the overlapping subsets in the paper does not.
 *
 * @param x Samples and @param y reference, in random order, as many of each are used as the smaller set has.
 * @throws UserError for fewer than 20 points.
 */
export function kernelDistance(x: Points, y: Points): Estimate {
  checkPoints("a kernel distance", x, y, 2 * LEAST_SUBSETS);
  const count = Math.min(x.count, y.count);
  const size = Math.min(SUBSET, Math.floor(count / LEAST_SUBSETS));
  const subsets = Math.floor(count / size);
  const values = Array.from({ length: subsets }, (_, s) => discrepancy(x, y, s * size, (s + 1) * size));
  const mean = values.reduce((sum, value) => sum + value, 0) / subsets;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (subsets - 1);
  return { value: mean, stderr: Math.sqrt(variance / subsets) };
}

/** Unbiased estimate from the rows `begin` to `end` of both sets: Gretton et al., 2012, eq. 3. https://jmlr.org/papers/v13/gretton12a.html */
function discrepancy(x: Points, y: Points, begin: number, end: number): number {
  const m = end - begin;
  let within = 0;
  let between = 0;
  for (let i = begin; i < end; i++) {
    for (let j = begin; j < i; j++) within += 2 * (kernel(x, i, x, j) + kernel(y, i, y, j));
    for (let j = begin; j < end; j++) between += kernel(x, i, y, j);
  }
  return within / (m * (m - 1)) - (2 * between) / (m * m);
}

function kernel(a: Points, i: number, b: Points, j: number): number {
  const { data: x, width } = a;
  const y = b.data;
  let p = i * width;
  let q = j * width;
  let dot = 0;
  for (let k = 0; k < width; k++, p++, q++) dot += (x[p] as number) * (y[q] as number);
  const base = dot / width + 1;
  return base * base * base;
}
