import {
  MOONS_SIGMA,
  moonCurve,
  RING_RADII,
  RINGS_SIGMA,
  SPIRAL_TURN,
  SPIRAL_WIDTH,
  SPIRALS_SIGMA,
  spiralCurve,
} from "../src/toys/curves.js";
import { EIGHT_CENTERS, EIGHT_SIGMA, GRID_CENTERS, GRID_SIGMA } from "../src/toys/gaussians.js";
import type { ToyName } from "../src/toys/index.js";
import { RADIAL_SIGMA, TANGENTIAL_SIGMA, twist } from "../src/toys/pinwheel.js";

/** A density on the plane, and the grid that integrates it. */
export interface Density {
  at(x: number, y: number): number;
  /** Half the side of a square, or radius of a disc, that holds all but a negligible part. */
  readonly reach: number;
  /** Distance between grid points in the plane, or of radii. */
  readonly step: number;
  /** The density repeats this many times around the origin: polar coordinates are used, with 256 angles. */
  readonly symmetry?: number;
}

/** `-∫ p ln p` and `∫ p` by the midpoint rule, which converges faster than any power of the step for smooth densities that vanish at the border. */
export function entropyOf(density: Density): { entropy: number; mass: number } {
  let [entropy, mass] = [0, 0];
  for (const { x, y, area } of density.symmetry ? polarCells(density, density.symmetry) : squareCells(density)) {
    const p = density.at(x, y);
    mass += p * area;
    if (p > 0) entropy -= p * Math.log(p) * area;
  }
  return { entropy, mass };
}

interface Cell {
  readonly x: number;
  readonly y: number;
  readonly area: number;
}

function* squareCells({ reach, step }: Density): Generator<Cell> {
  const cells = Math.round((2 * reach) / step);
  for (let i = 0; i < cells; i++) {
    for (let j = 0; j < cells; j++)
      yield { x: (i + 0.5) * step - reach, y: (j + 0.5) * step - reach, area: step * step };
  }
}

function* polarCells({ reach, step }: Density, symmetry: number): Generator<Cell> {
  const angleStep = (2 * Math.PI) / symmetry / 256;
  for (let r = step / 2; r < reach; r += step) {
    for (let k = 0; k < 256; k++) {
      const angle = (k + 0.5) * angleStep;
      yield { x: r * Math.cos(angle), y: r * Math.sin(angle), area: r * step * angleStep * symmetry };
    }
  }
}

const gauss = (squaredDistance: number, sigma: number) =>
  Math.exp(-squaredDistance / (2 * sigma ** 2)) / (2 * Math.PI * sigma ** 2);

const normal = (x: number, mean: number, sigma: number) =>
  Math.exp(-((x - mean) ** 2) / (2 * sigma ** 2)) / (sigma * Math.sqrt(2 * Math.PI));

function mixture(centers: readonly (readonly [number, number])[], sigma: number) {
  return (x: number, y: number) =>
    centers.reduce((sum, [a, b]) => sum + gauss((x - a) ** 2 + (y - b) ** 2, sigma), 0) / centers.length;
}

/** Nodes and weights of the midpoint rule in [0, 1]. */
function midpoints(n: number): { u: number; weight: number }[] {
  return Array.from({ length: n }, (_, i) => ({ u: (i + 0.5) / n, weight: 1 / n }));
}

const moonNodes = midpoints(800).flatMap(({ u, weight }) =>
  [0, 1].map((k) => ({ point: moonCurve(k, Math.PI * u), weight: weight / 2 })),
);

function moonsDensity(x: number, y: number): number {
  let sum = 0;
  for (const { point, weight } of moonNodes) {
    const squared = (x - point[0]) ** 2 + (y - point[1]) ** 2;
    if (squared < 60 * MOONS_SIGMA ** 2) sum += weight * gauss(squared, MOONS_SIGMA);
  }
  return sum;
}

const ringAngles = midpoints(240).map(({ u, weight }) => ({ cos: Math.cos(2 * Math.PI * u), weight }));

/** Radial density of {@link ringsDensity} by linear interpolation in a table of step 0.001. */
const ringTable = Float64Array.from({ length: 4500 }, (_, i) => {
  const r = i / 1000;
  return RING_RADII.reduce((total, radius) => {
    const onRing = ringAngles.reduce(
      (sum, { cos, weight }) => sum + weight * gauss(r * r + radius * radius - 2 * r * radius * cos, RINGS_SIGMA),
      0,
    );
    return total + onRing / RING_RADII.length;
  }, 0);
});

function ringsDensity(x: number, y: number): number {
  const at = Math.hypot(x, y) * 1000;
  const i = Math.floor(at);
  if (i + 1 >= ringTable.length) return 0;
  return (ringTable[i] as number) * (1 - at + i) + (ringTable[i + 1] as number) * (at - i);
}

/** Density of a uniform number in [0, width) plus a normal one: by linear interpolation in a table of step 0.0005 from -1. */
const softBox = Float64Array.from({ length: 4400 }, (_, i) => {
  const d = i / 2000 - 1;
  return midpoints(200).reduce(
    (sum, { u, weight }) => sum + weight * normal(d - u * SPIRAL_WIDTH, 0, SPIRALS_SIGMA),
    0,
  );
});

function softBoxAt(d: number): number {
  const at = (d + 1) * 2000;
  const i = Math.floor(at);
  if (i < 0 || i + 1 >= softBox.length) return 0;
  return (softBox[i] as number) * (1 - at + i) + (softBox[i + 1] as number) * (at - i);
}

const spiralNodes = midpoints(600).map(({ u, weight }) => {
  const t = SPIRAL_TURN * u;
  return { point: spiralCurve(t), weight: (weight * 2 * t) / SPIRAL_TURN }; // t = turn * sqrt(uniform) has density 2 t / turn^2
});

function spiralsDensity(x: number, y: number): number {
  let sum = 0;
  for (const { point, weight } of spiralNodes) {
    sum += (weight / 2) * softBoxAt(x - point[0]) * softBoxAt(y - point[1]);
    sum += (weight / 2) * softBoxAt(-x - point[0]) * softBoxAt(-y - point[1]);
  }
  return sum;
}

/**
 * A blade turns the point with polar coordinates `(r, phi)` clockwise by `twist(r cos phi) + 2 pi k / 5`. So the density at `(r, psi)` is a
 * sum over blades and over every `phi` with `phi - twist(r cos phi) = psi + 2 pi k / 5` of the base density over the slope of the left side.
 */
function pinwheelDensity(x: number, y: number): number {
  const r = Math.hypot(x, y) / 2;
  const psi = Math.atan2(y, x);
  let sum = 0;
  for (let k = 0; k < 5; k++) {
    for (const phi of anglesSentTo(r, psi + (2 * Math.PI * k) / 5)) {
      const [radial, tangential] = [r * Math.cos(phi), r * Math.sin(phi)];
      const slope = Math.abs(1 + twist(radial) * tangential);
      sum += (normal(radial, 1, RADIAL_SIGMA) * normal(tangential, 0, TANGENTIAL_SIGMA)) / slope / 5;
    }
  }
  return sum / 4; // area of the scaling by 2
}

/** Every `phi` with `phi - twist(r cos phi) = target (mod 2 pi)`, by bisection between the points of a grid. */
function anglesSentTo(r: number, target: number): number[] {
  const turns = (phi: number) => (phi - twist(r * Math.cos(phi)) - target) / (2 * Math.PI);
  const angles: number[] = [];
  const n = 64;
  let before = turns(-Math.PI);
  for (let j = 1; j <= n; j++) {
    const right = -Math.PI + (2 * Math.PI * j) / n;
    const after = turns(right);
    if (Math.floor(before) !== Math.floor(after)) angles.push(bisect(turns, right - (2 * Math.PI) / n, right));
    before = after;
  }
  return angles;
}

/** Where the integer part of `f` changes between `low` and `high`. */
function bisect(f: (x: number) => number, low: number, high: number): number {
  const start = Math.floor(f(low));
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (Math.floor(f(middle)) === start) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function checkerboardDensity(x: number, y: number): number {
  const isInside = Math.abs(x) < 4 && Math.abs(y) < 4;
  return isInside && (Math.floor(x / 2) + Math.floor(y / 2)) % 2 === 0 ? 1 / 32 : 0;
}

export const densities: Readonly<Record<ToyName, Density>> = {
  "8gaussians": { at: mixture(EIGHT_CENTERS, EIGHT_SIGMA), reach: 6, step: 0.12 },
  "25gaussians": { at: mixture(GRID_CENTERS, GRID_SIGMA), reach: 4.4, step: 0.02 },
  checkerboard: { at: checkerboardDensity, reach: 5, step: 0.1 },
  moons: { at: moonsDensity, reach: 4.6, step: 0.1 },
  pinwheel: { at: pinwheelDensity, reach: 5.6, step: 0.04, symmetry: 5 },
  spirals: { at: spiralsDensity, reach: 4.4, step: 0.08 },
  rings: { at: ringsDensity, reach: 4, step: 0.04 },
};
