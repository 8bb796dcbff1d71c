import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { moments } from "../../evaluation/moments.js";
import { points } from "../../evaluation/points.js";

/** Points as rows. */
type Rows = readonly (readonly number[])[];

/** The plane through the mean that holds the most variance. */
export interface Projection {
  /** Coordinates of each row. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Share of the total variance along each axis, in [0, 1]. */
  readonly explained: readonly [number, number];
}

/** Beyond so many dimensions the axes are those of the first so many rows: the cost of a decomposition grows with the cube. */
const MAX_DECOMPOSED = 1024;

/**
 * The first two principal components of some points: eigenvectors of their covariance. An eigenvector is known up to its sign: its largest component is
 * made positive, so that a map looks the same every time. Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
 *
 * @param rows At least two points of at least two dimensions.
 */
export function principalComponents(rows: Rows): Projection {
  const centered = centre(rows);
  const isWide = (rows[0]?.length ?? 0) > MAX_DECOMPOSED;
  const axes = isWide ? axesOfRows(centre(rows.slice(0, MAX_DECOMPOSED))) : axesOfColumns(rows);
  const [first, second] = axes.map(withSign) as [number[], number[]];
  const projected = centered.map((row) => [dot(row, first), dot(row, second)] as const);
  const total = centered.reduce((sum, row) => sum + dot(row, row), 0) || 1;
  const along = (k: 0 | 1) => projected.reduce((sum, point) => sum + point[k] ** 2, 0) / total;
  return { points: projected, explained: [along(0), along(1)] };
}

function centre(rows: Rows): number[][] {
  const mean = (rows[0] ?? []).map((_, j) => rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length);
  return rows.map((row) => row.map((x, j) => x - (mean[j] as number)));
}

/** The two unit vectors of most variance, from the covariance of the columns. */
function axesOfColumns(rows: Rows): number[][] {
  return lastTwo(moments(points(Float64Array.from(rows.flat()), rows[0]?.length ?? 0)).covariance);
}

/** The same from the products of rows with one another, which have the same eigenvalues: for fewer rows than columns. */
function axesOfRows(centered: Rows): number[][] {
  const x = new Matrix(centered as number[][]);
  return lastTwo(x.mmul(x.transpose())).map((weights) => {
    const axis = new Matrix([weights]).mmul(x).to1DArray();
    const length = Math.sqrt(dot(axis, axis)) || 1;
    return axis.map((value) => value / length);
  });
}

/** Unit eigenvectors of the two largest eigenvalues, the largest first. */
function lastTwo(symmetric: Matrix): number[][] {
  const { eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }); // by growing eigenvalue
  return [1, 2].map((k) => eigenvectorMatrix.getColumn(symmetric.rows - k));
}

function withSign(vector: number[]): number[] {
  const largest = vector.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
  return largest < 0 ? vector.map((x) => -x) : vector;
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j] as number) * (b[j] as number);
  return sum;
}
