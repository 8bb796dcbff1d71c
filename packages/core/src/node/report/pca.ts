import { hostKey, philoxNormal } from "@latentkit/jit";

/** A symmetric matrix as rows. */
type Matrix = readonly (readonly number[])[];

/** Eigenvalues by falling size, and the unit eigenvector of each. */
export interface Eigen {
  readonly values: readonly number[];
  readonly vectors: Matrix;
}

const MAX_SWEEPS = 60;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations: exact to rounding, O(n^3) a sweep, a few sweeps.
 * Golub & Van Loan, "Matrix Computations", 2013, §8.5.
 */
export function symmetricEigen(matrix: Matrix): Eigen {
  const n = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  const v = matrix.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))); // row i: eigenvector i
  const scale = Math.sqrt(a.reduce((sum, row) => sum + row.reduce((s, x) => s + x * x, 0), 0));
  for (let sweep = 0; sweep < MAX_SWEEPS && offDiagonal(a) > 1e-14 * scale; sweep++) {
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  const order = a.map((_, i) => i).sort((i, j) => at(a, j, j) - at(a, i, i));
  return {
    values: order.map((i) => at(a, i, i)),
    vectors: order.map((i) => withSign(Array.from(v[i] as Float64Array))),
  };
}

const at = (a: readonly Float64Array[], i: number, j: number): number => (a[i] as Float64Array)[j] as number;

function offDiagonal(a: readonly Float64Array[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) for (let j = 0; j < i; j++) sum += 2 * at(a, i, j) ** 2;
  return Math.sqrt(sum);
}

/** Makes `a[p][q]` zero; `v` collects the rotations. */
function rotate(a: readonly Float64Array[], v: readonly Float64Array[], p: number, q: number): void {
  const apq = at(a, p, q);
  if (apq === 0) return;
  const theta = (at(a, q, q) - at(a, p, p)) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of a) turn(row, row, p, q, c, s); // columns p and q
  turnRows(a[p] as Float64Array, a[q] as Float64Array, c, s);
  turnRows(v[p] as Float64Array, v[q] as Float64Array, c, s);
}

function turn(x: Float64Array, y: Float64Array, p: number, q: number, c: number, s: number): void {
  const [xp, yq] = [x[p] as number, y[q] as number];
  x[p] = c * xp - s * yq;
  y[q] = s * xp + c * yq;
}

function turnRows(x: Float64Array, y: Float64Array, c: number, s: number): void {
  for (let k = 0; k < x.length; k++) {
    const [xk, yk] = [x[k] as number, y[k] as number];
    x[k] = c * xk - s * yk;
    y[k] = s * xk + c * yk;
  }
}

/** An eigenvector is known up to its sign: its largest component is made positive, so that a map looks the same every time. */
function withSign(vector: number[]): number[] {
  const largest = vector.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0);
  return largest < 0 ? vector.map((x) => -x) : vector;
}

/** The plane through the mean that holds the most variance. */
export interface Projection {
  /** Coordinates of each row. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Share of the total variance along each axis, in [0, 1]. */
  readonly explained: readonly [number, number];
}

/** Up to so many dimensions all eigenvectors are computed; beyond, the leading ones by iteration. */
const MAX_EXACT = 64;

/**
 * The first two principal components of some points.
 * Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
 *
 * @param rows At least two points of at least two dimensions.
 */
export function principalComponents(rows: Matrix): Projection {
  const d = rows[0]?.length ?? 0;
  const mean = Array.from(
    { length: d },
    (_, j) => rows.reduce((sum, row) => sum + (row[j] as number), 0) / rows.length,
  );
  const centered = rows.map((row) => row.map((x, j) => x - (mean[j] as number)));
  const divisor = Math.max(1, rows.length - 1);
  const total = centered.reduce((sum, row) => sum + dot(row, row), 0) / divisor || 1;
  const { values, vectors } = d <= MAX_EXACT ? symmetricEigen(covariance(centered, d)) : leading(centered, d, divisor);
  const [first = [], second = []] = vectors;
  return {
    points: centered.map((row) => [dot(row, first), dot(row, second)] as const),
    explained: [Math.max(0, values[0] ?? 0) / total, Math.max(0, values[1] ?? 0) / total],
  };
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, j) => sum + x * (b[j] as number), 0);

/** Vectors that are iterated together: the more, the faster the first two settle. */
const BLOCK = 6;
const MAX_ITERATIONS = 300;
const SETTLED = 1e-9;

/**
 * Leading eigenvectors of the covariance by orthogonal iteration, without forming it, then Rayleigh-Ritz in the plane found.
 * Golub & Van Loan, "Matrix Computations", 2013, §8.2.
 */
function leading(centered: Matrix, d: number, divisor: number): Eigen {
  const start = philoxNormal(hostKey(0, "components"), BLOCK * d);
  let basis = orthonormal(Array.from({ length: BLOCK }, (_, k) => Array.from(start.subarray(k * d, (k + 1) * d))));
  let before = 0;
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    const images = basis.map((vector) => timesCovariance(centered, vector, divisor));
    const captured = [0, 1].reduce((sum, k) => sum + dot(basis[k] as number[], images[k] as number[]), 0);
    basis = orthonormal(images);
    if (Math.abs(captured - before) <= SETTLED * captured) break;
    before = captured;
  }
  const images = basis.map((vector) => timesCovariance(centered, vector, divisor));
  const small = symmetricEigen(basis.map((a) => images.map((b) => dot(a, b))));
  const combine = (weights: readonly number[]) =>
    Array.from({ length: d }, (_, j) => weights.reduce((sum, w, k) => sum + w * (basis[k]?.[j] as number), 0));
  return { values: small.values, vectors: small.vectors.map((weights) => withSign(combine(weights))) };
}

/** `X^T X v / divisor`. */
function timesCovariance(centered: Matrix, v: readonly number[], divisor: number): number[] {
  const result = new Float64Array(v.length);
  for (const row of centered) {
    const weight = dot(row, v) / divisor;
    if (weight === 0) continue;
    for (let j = 0; j < row.length; j++) result[j] = (result[j] as number) + weight * (row[j] as number);
  }
  return Array.from(result);
}

/** Gram-Schmidt, twice over for accuracy. */
function orthonormal(vectors: Matrix): number[][] {
  const basis: number[][] = [];
  for (const vector of vectors) {
    let rest = [...vector];
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const along = dot(rest, other);
        rest = rest.map((x, j) => x - along * (other[j] as number));
      }
    }
    const length = Math.sqrt(dot(rest, rest)) || 1;
    basis.push(rest.map((x) => x / length));
  }
  return basis;
}

function covariance(centered: Matrix, d: number): number[][] {
  const sums = Array.from({ length: d }, () => new Float64Array(d));
  for (const row of centered) {
    for (let i = 0; i < d; i++) {
      const xi = row[i] as number;
      const target = sums[i] as Float64Array;
      for (let j = 0; j <= i; j++) target[j] = (target[j] as number) + xi * (row[j] as number);
    }
  }
  const divisor = Math.max(1, centered.length - 1);
  return sums.map((_, i) => Array.from({ length: d }, (_, j) => at(sums, Math.max(i, j), Math.min(i, j)) / divisor));
}
