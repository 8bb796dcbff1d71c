/** `0, 1, …, n - 1`. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** An axis counted from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** tfjs-core's axis arguments: one, several, or absent for all; sorted and counted from the front. */
export function axesOf(axis: number | readonly number[] | null | undefined, rank: number): number[] {
  if (axis === null || axis === undefined) return range(rank);
  return (typeof axis === "number" ? [axis] : [...axis]).map((a) => fromFront(a, rank)).sort((a, b) => a - b);
}

/** The permutation that undoes `perm`. */
export function inversePermutation(perm: readonly number[]): number[] {
  const inverse = new Array<number>(perm.length);
  perm.forEach((axis, i) => {
    inverse[axis] = i;
  });
  return inverse;
}

/** Number of elements of a shape. */
export function product(shape: readonly number[]): number {
  return shape.reduce((n, dim) => n * dim, 1);
}
