import { compile, type Engine, hostTensor } from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { paddedRanges } from "../batches.js";
import type { Estimate } from "./frechet.js";
import { type Points, points, squaredDistance } from "./points.js";

/**
 * Probability that a value of `a` is below one of `b`, ties counted half: the Mann-Whitney statistic over `n m`.
 * Standard error: DeLong, DeLong, Clarke-Pearson, 1988 (https://doi.org/10.2307/2531595).
 */
export function probabilityBelow(a: ArrayLike<number>, b: ArrayLike<number>): Estimate {
  const [sortedA, sortedB] = [Float64Array.from(a).sort(), Float64Array.from(b).sort()];
  const above = Array.from(a, (x) => 1 - rank(sortedB, x)); // share of b above each of a
  const below = Array.from(b, (x) => rank(sortedA, x));
  const value = average(above);
  return { value, stderr: Math.sqrt(spread(above) / above.length + spread(below) / below.length) };
}

/** Share of sorted values below `x`, those equal to it counted half. */
function rank(sorted: Float64Array, x: number): number {
  return (position(sorted, x, false) + position(sorted, x, true)) / (2 * sorted.length);
}

/** How many sorted values are below `x`, or not above it. */
function position(sorted: Float64Array, x: number, inclusive: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = sorted[middle] as number;
    if (value < x || (inclusive && value === x)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const average = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

function spread(values: readonly number[]): number {
  const mean = average(values);
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, values.length - 1);
}

const QUERIES = 500;
const BLOCK = 5000;

/** Which row of a reference is nearest to each query, and its squared distance. */
export interface NearestRows {
  readonly index: Int32Array;
  readonly distance: Float64Array;
}

/** Many rows that are read a block at a time. */
export interface RowSource {
  readonly count: number;
  /** @returns `indices.length` rows, one after another. */
  gather(indices: Int32Array): Float32Array;
}

/**
 * The nearest of many rows for each query, by matrix products on an engine. Candidates are found in float32; the distance of the one
 * found is computed again in float64, so that a copy has distance zero.
 */
export async function nearestRows(engine: Engine, queries: Points, reference: RowSource): Promise<NearestRows> {
  const { width, count: n } = queries;
  const [rows, block] = [Math.min(QUERIES, n), Math.min(BLOCK, reference.count)];
  const nearest = { index: new Int32Array(n), distance: new Float64Array(n).fill(Number.POSITIVE_INFINITY) };
  const store = engine.createStore();
  const spec = (count: number) => ({ shape: [count, width], dtype: "float32" as const });
  const specs = { state: {}, inputs: { q: spec(rows), r: spec(block) } };
  try {
    const program = await compile(engine, nearestInBlock, specs, store);
    for (const candidates of paddedRanges(reference.count, block)) {
      const found = points(reference.gather(candidates.indices), width);
      for (const { indices, count } of paddedRanges(n, rows)) {
        const q = hostTensor(selectRows(queries, indices), [rows, width]);
        const { best } = await program.run({ q, r: hostTensor(found.data as Float32Array, [block, width]) });
        for (let i = 0; i < count; i++) {
          const [query, row] = [indices[i] as number, best.data[i] as number];
          const distance = squaredDistance(queries, query, found, row);
          if (distance >= (nearest.distance[query] as number)) continue;
          nearest.distance[query] = distance;
          nearest.index[query] = candidates.indices[row] as number;
        }
      }
    }
  } finally {
    await store.dispose();
  }
  return nearest;
}

/** Row of `r` nearest to each row of `q`: the smallest `|r|^2 - 2 q.r`, as `|q|^2` is the same for all. */
function nearestInBlock(_state: unknown, { q, r }: Record<"q" | "r", Tensor>) {
  const score = tf.sub(tf.sum(tf.square(r), 1), tf.mul(tf.matMul(q, r, false, true), 2));
  return { outputs: { best: tf.argMin(score, 1) } };
}

function selectRows({ data, width }: Points, indices: Int32Array): Float32Array {
  const rows = new Float32Array(indices.length * width);
  for (const [i, from] of indices.entries()) rows.set(data.subarray(from * width, (from + 1) * width), i * width);
  return rows;
}
