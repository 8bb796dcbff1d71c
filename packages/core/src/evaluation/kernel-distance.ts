import type { Estimate } from "./frechet.js";
import { checkPoints, type Points, squaredDistance } from "./points.js";
import { Turns } from "./turns.js";

/** Most points of a subset; the papers' own size. */
const SUBSET = 1000;
const LEAST_SUBSETS = 10;

/** How alike two rows are. */
type Kernel = (a: Points, i: number, b: Points, j: number) => number;

/**
 * Kernel distance: the squared maximum mean discrepancy with the kernel `(x.y / d + 1)^3`, unbiased, so that it is zero on average for
 * equal distributions and may be negative. Bińkowski et al., 2018, §4 (https://arxiv.org/abs/1801.01401).
 *
 * @param x Samples and @param y reference, as many of each, in random order.
 * @throws UserError for fewer than 20 points, or unequal numbers of them.
 */
export function kernelDistance(x: Points, y: Points): Promise<Estimate> {
  return subsetDiscrepancy("a kernel distance", x, y, cubic);
}

/**
 * Energy distance `2 E|x - y| - E|x - x'| - E|y - y'|`, unbiased: zero only for equal distributions, whatever their moments.
 * Székely & Rizzo, 2013, eq. 2 (https://doi.org/10.1016/j.jspi.2013.03.018). In the units of the values.
 *
 * @param x Samples and @param y reference, as for {@link kernelDistance}.
 * @throws UserError as there.
 */
export function energyDistance(x: Points, y: Points): Promise<Estimate> {
  return subsetDiscrepancy("an energy distance", x, y, (a, i, b, j) => -Math.sqrt(squaredDistance(a, i, b, j)));
}

/**
 * The mean discrepancy over disjoint subsets of up to 1000 points, at least ten. Disjoint ones are independent, so their spread gives the
 * standard error; the spread of overlapping subsets does not.
 */
async function subsetDiscrepancy(measure: string, x: Points, y: Points, kernel: Kernel): Promise<Estimate> {
  checkPoints(measure, x, y, 2 * LEAST_SUBSETS);
  const { count } = x;
  const size = Math.min(SUBSET, Math.floor(count / LEAST_SUBSETS));
  const subsets = Math.floor(count / size);
  const turns = new Turns();
  const values: number[] = [];
  for (let s = 0; s < subsets; s++) values.push(await discrepancy(x, y, [s * size, (s + 1) * size], kernel, turns));
  const mean = values.reduce((sum, value) => sum + value, 0) / subsets;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (subsets - 1);
  return { value: mean, stderr: Math.sqrt(variance / subsets) };
}

/** Unbiased estimate from a range of rows of both sets: Gretton et al., 2012, eq. 3. https://jmlr.org/papers/v13/gretton12a.html */
async function discrepancy(
  x: Points,
  y: Points,
  [begin, end]: readonly [number, number],
  kernel: Kernel,
  turns: Turns,
): Promise<number> {
  const m = end - begin;
  let within = 0;
  let between = 0;
  for (let i = begin; i < end; i++) {
    for (let j = begin; j < i; j++) within += 2 * (kernel(x, i, x, j) + kernel(y, i, y, j));
    for (let j = begin; j < end; j++) between += kernel(x, i, y, j);
    if (turns.due()) await turns.give();
  }
  return within / (m * (m - 1)) - (2 * between) / (m * m);
}

function cubic(a: Points, i: number, b: Points, j: number): number {
  const { data: x, width } = a;
  const y = b.data;
  let p = i * width;
  let q = j * width;
  let dot = 0;
  for (let k = 0; k < width; k++, p++, q++) dot += (x[p] as number) * (y[q] as number);
  const base = dot / width + 1;
  return base * base * base;
}
