import type { Draws } from "./draws.js";

/** `n` points of the plane, and the component each was drawn from when the distribution has components. */
export interface Points {
  /** Row-major, shape `(n, 2)`. */
  readonly x: Float32Array;
  /** Shape `(n,)`. */
  readonly label?: Int32Array;
}

/** A distribution on the plane that can be drawn from exactly. */
export interface Toy {
  readonly title: string;
  readonly source: string;
  /** Differential entropy in nats. */
  readonly entropy: number;
  /** Bound of the absolute error of `entropy`; 0 when it is a closed form. */
  readonly entropyError: number;
  /** Number of components. */
  readonly classes?: number;
  /** Closed interval that holds both coordinates; absent when unbounded. */
  readonly range?: readonly [number, number];
  sample(draws: Draws, n: number): Points;
}

/** Points by their coordinates: `at(i)` is point `i`. */
export function pointsOf(n: number, at: (i: number) => readonly [number, number], label?: Int32Array): Points {
  const x = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) [x[2 * i], x[2 * i + 1]] = at(i);
  return label ? { x, label } : { x };
}
