import type { Estimate } from "./frechet.js";
import { checkPoints, type Points, squaredDistance } from "./points.js";
import { Turns } from "./turns.js";

/** How samples cover the manifold of the data, each in [0, 1] but for density. */
export interface ManifoldComparison {
  /** Share of samples that lie in a ball around a real point: are samples like data? */
  readonly precision: Estimate;
  /** Share of real points that lie in a ball around a sample: do samples show all of the data? */
  readonly recall: Estimate;
  /** Mean number of real balls that hold a sample, over `k`: precision that one outlier among the data cannot raise. About 1 for equal distributions. */
  readonly density: Estimate;
  /** Share of real balls that hold a sample: recall that outliers among the samples cannot raise. */
  readonly coverage: Estimate;
}

/** Neighbours that make a ball: Kynkäänniemi et al. take 3, Naeem et al. 5. */
export interface Neighbours {
  readonly precisionRecall: number;
  readonly densityCoverage: number;
}

const DEFAULT_NEIGHBOURS: Neighbours = { precisionRecall: 3, densityCoverage: 5 };

/**
 * Improved precision and recall (Kynkäänniemi et al., 2019, eq. 1-2, https://arxiv.org/abs/1904.06991), density and coverage (Naeem et al.,
 * 2020, eq. 4-5, https://arxiv.org/abs/2002.09797). A ball reaches from a point to its k-th nearest neighbour in its own set, rim included.
 * Standard errors are over the points counted, given the other set's balls.
 *
 * @throws UserError when a set has no more than `k` points, or the sets are of different size.
 */
export async function compareManifolds(
  real: Points,
  samples: Points,
  neighbours = DEFAULT_NEIGHBOURS,
): Promise<ManifoldComparison> {
  const { precisionRecall: k, densityCoverage: l } = neighbours;
  checkPoints("a comparison by nearest neighbours", real, samples, Math.max(k, l) + 1);
  const [realPr, realDc] = (await ballsOfReference(real, k, l)) as [Float64Array, Float64Array];
  const [samplePr] = (await ballSizes(samples, [k])) as [Float64Array];
  const precise = new Uint8Array(samples.count);
  const hits = new Float64Array(samples.count); // real balls that hold the sample
  const recalled = new Uint8Array(real.count);
  const covered = new Uint8Array(real.count);
  const turns = new Turns();
  for (let i = 0; i < real.count; i++) {
    if (turns.due()) await turns.give();
    for (let j = 0; j < samples.count; j++) {
      const distance = squaredDistance(real, i, samples, j);
      if (distance <= (realPr[i] as number)) precise[j] = 1;
      if (distance <= (samplePr[j] as number)) recalled[i] = 1;
      if (distance <= (realDc[i] as number)) {
        hits[j] = (hits[j] as number) + 1 / l;
        covered[i] = 1;
      }
    }
  }
  return { precision: mean(precise), recall: mean(recalled), density: mean(hits), coverage: mean(covered) };
}

const referenceBalls = new WeakMap<Points, Map<string, Promise<Float64Array[]>>>();

/** The reference's balls, computed once: samples and real data are compared with the same. */
function ballsOfReference(real: Points, ...ks: readonly number[]): Promise<Float64Array[]> {
  const known = referenceBalls.get(real) ?? new Map<string, Promise<Float64Array[]>>();
  referenceBalls.set(real, known);
  const balls = known.get(ks.join()) ?? ballSizes(real, ks);
  known.set(ks.join(), balls);
  return balls;
}

/** Squared distance of every point to its k-th nearest neighbour in the set, itself left out, for several k. */
export async function ballSizes(set: Points, ks: readonly number[]): Promise<Float64Array[]> {
  const depth = Math.max(...ks);
  const nearest = new Float64Array(set.count * depth).fill(Number.POSITIVE_INFINITY); // of each point, by rising distance
  const turns = new Turns();
  for (let i = 0; i < set.count; i++) {
    if (turns.due()) await turns.give();
    for (let j = 0; j < i; j++) {
      const distance = squaredDistance(set, i, set, j);
      insert(nearest, i * depth, depth, distance);
      insert(nearest, j * depth, depth, distance);
    }
  }
  return ks.map((k) => Float64Array.from({ length: set.count }, (_, i) => nearest[i * depth + k - 1] as number));
}

/** Puts a value among the `depth` smallest ones at `start`, which are sorted. */
function insert(sorted: Float64Array, start: number, depth: number, value: number): void {
  let at = start + depth - 1;
  if (value >= (sorted[at] as number)) return;
  for (; at > start && (sorted[at - 1] as number) > value; at--) sorted[at] = sorted[at - 1] as number;
  sorted[at] = value;
}

function mean(values: Uint8Array | Float64Array): Estimate {
  const n = values.length;
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const value = sum / n;
  return { value, stderr: Math.sqrt(Math.max(0, squares / n - value * value) / Math.max(1, n - 1)) };
}
