import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { addSums, firstPoint, type MomentSums, type Moments, momentSums, moments, momentsOf } from "./moments.js";
import { checkPoints, type Points } from "./points.js";
import { Turns } from "./turns.js";

/** A number and its standard error. */
export interface Estimate {
  readonly value: number;
  readonly stderr: number;
}

/**
 * Fréchet distance of two Gaussians, `|m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2)`: the squared 2-Wasserstein distance.
 * Dowson & Landau, 1982, eq. 16 (https://doi.org/10.1016/0047-259X(82)90077-X); of network features: Heusel et al., 2017, eq. 6
 * (https://arxiv.org/abs/1706.08500).
 *
 * The product under the root is written symmetrically, so that its eigenvalues are real and those below zero are rounding.
 */
export function frechetDistance(a: Moments, b: Moments): number {
  return distanceTo(b)(a);
}

/** The distance to a fixed Gaussian, whose square root is taken once. */
function distanceTo(reference: Moments): (other: Moments) => number {
  const root = squareRoot(reference.covariance);
  return ({ mean, covariance }) => {
    const product = root.mmul(covariance).mmul(root);
    const roots = eigen(product).realEigenvalues.reduce((sum, value) => sum + Math.sqrt(Math.max(0, value)), 0);
    const shift = mean.reduce((sum, m, i) => sum + (m - (reference.mean[i] as number)) ** 2, 0);
    return Math.max(0, shift + covariance.trace() + reference.covariance.trace() - 2 * roots);
  };
}

/** The symmetric root of a covariance. */
function squareRoot(matrix: Matrix): Matrix {
  const { realEigenvalues, eigenvectorMatrix } = eigen(matrix);
  const roots = Matrix.diag(realEigenvalues.map((value) => Math.sqrt(Math.max(0, value))));
  return eigenvectorMatrix.mmul(roots).mmul(eigenvectorMatrix.transpose());
}

function eigen(matrix: Matrix): EigenvalueDecomposition {
  const symmetric = matrix.add(matrix.transpose()).mul(0.5); // exactly, whatever rounding did
  return new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
}

const GROUPS = 20;

/**
 * Fréchet distance of samples from a reference, with its standard error over the samples (the reference is fixed) by the jackknife over
 * 20 groups. Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, §11.5.
 *
 * Biased upwards by an amount that falls with the number of points (Chong & Forsyth, 2020, §3, https://arxiv.org/abs/1911.07023):
 * compare only distances of equal counts.
 *
 * @param samples More than `width`, or their covariance has no full rank.
 * @throws UserError for fewer, or when the reference has another number.
 */
export async function frechetEstimate(samples: Points, reference: Points): Promise<Estimate> {
  checkPoints("a Fréchet distance", samples, reference, samples.width + 1);
  const distance = distanceTo(moments(reference));
  const origin = firstPoint(samples);
  const bounds = Array.from({ length: GROUPS + 1 }, (_, g) => Math.round((g * samples.count) / GROUPS));
  const turns = new Turns();
  const groups: MomentSums[] = [];
  for (const [g, end] of bounds.slice(1).entries()) {
    if (turns.due()) await turns.give();
    groups.push(momentSums(samples, origin, bounds[g] as number, end));
  }
  const total = groups.reduce((sum, group) => addSums(sum, group, 1));
  const value = distance(momentsOf(total));
  const without: number[] = [];
  for (const group of groups) {
    if (turns.due()) await turns.give();
    without.push(distance(momentsOf(addSums(total, group, -1))));
  }
  const mean = without.reduce((sum, x) => sum + x, 0) / GROUPS;
  const spread = without.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { value, stderr: Math.sqrt(((GROUPS - 1) / GROUPS) * spread) };
}
