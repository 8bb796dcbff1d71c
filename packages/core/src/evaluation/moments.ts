import { Matrix } from "ml-matrix";
import type { Points } from "./points.js";

/** Mean and covariance of a set of points, float64. */
export interface Moments {
  readonly count: number;
  readonly mean: Float64Array;
  /** Shape `(d, d)`, divisor `count - 1`. */
  readonly covariance: Matrix;
}

/** Sums around an origin, which add up over parts of a set. */
export interface MomentSums {
  readonly count: number;
  readonly origin: Float64Array;
  /** Sum of `x - origin`. */
  readonly first: Float64Array;
  /** Sum of `(x - origin)(x - origin)^T`, lower triangle, row after row of length `d`. */
  readonly second: Float64Array;
}

/** Mean and covariance. @throws RangeError for fewer than two points. */
export function moments(set: Points): Moments {
  return momentsOf(momentSums(set, firstPoint(set)));
}

/** A point to sum around: keeps the sums small, so that nothing cancels. */
export const firstPoint = ({ data, width }: Points): Float64Array => Float64Array.from(data.subarray(0, width));

/** Sums over the rows from `begin` to `end`. */
export function momentSums(set: Points, origin: Float64Array, begin = 0, end = set.count): MomentSums {
  const { data, width: d } = set;
  const first = new Float64Array(d);
  const second = new Float64Array(d * d);
  const x = new Float64Array(d);
  for (let row = begin; row < end; row++) {
    for (let i = 0; i < d; i++) x[i] = (data[row * d + i] as number) - (origin[i] as number);
    for (let i = 0; i < d; i++) {
      const xi = x[i] as number;
      first[i] = (first[i] as number) + xi;
      if (xi === 0) continue; // features after a rectifier are zero more often than not
      for (let j = 0, at = i * d; j <= i; j++, at++) second[at] = (second[at] as number) + xi * (x[j] as number);
    }
  }
  return { count: end - begin, origin, first, second };
}

/** `a + sign * b`, for sums around one origin: parts put together, or one taken out. */
export function addSums(a: MomentSums, b: MomentSums, sign: 1 | -1): MomentSums {
  const blend = (x: Float64Array, y: Float64Array) => x.map((value, i) => value + sign * (y[i] as number));
  return {
    count: a.count + sign * b.count,
    origin: a.origin,
    first: blend(a.first, b.first),
    second: blend(a.second, b.second),
  };
}

/** Mean and covariance from sums. @throws RangeError for fewer than two points. */
export function momentsOf({ count, origin, first, second }: MomentSums): Moments {
  if (count < 2) throw new RangeError(`a covariance needs two points, got ${count}`);
  const d = first.length;
  const centre = first.map((sum) => sum / count); // of x - origin
  const covariance = new Matrix(d, d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j <= i; j++) {
      const sum = (second[i * d + j] as number) - count * (centre[i] as number) * (centre[j] as number);
      covariance.set(i, j, sum / (count - 1));
      covariance.set(j, i, sum / (count - 1));
    }
  }
  return { count, mean: centre.map((x, i) => x + (origin[i] as number)), covariance };
}
