import type { Draws } from "./draws.js";
import { type Points, pointsOf, type Toy } from "./toy.js";

const FFJORD = "toy data of FFJORD (Grathwohl et al., 2018), https://github.com/rtqichen/ffjord lib/toy_data.py";

/** Equally likely Gaussians with standard deviation `sigma` in both directions. */
function mixture(centers: readonly (readonly [number, number])[], sigma: number) {
  return (draws: Draws, n: number): Points => {
    const label = draws.integer("component", n, centers.length);
    const noise = draws.normal("noise", 2 * n);
    const at = (i: number): [number, number] => {
      const [cx, cy] = centers[label[i] as number] as readonly [number, number];
      return [cx + sigma * (noise[2 * i] as number), cy + sigma * (noise[2 * i + 1] as number)];
    };
    return pointsOf(n, at, label);
  };
}

/** Eight centres on a circle of radius `4 / sqrt 2`, counter-clockwise from the right. */
export const EIGHT_CENTERS = Array.from({ length: 8 }, (_, k): [number, number] => {
  const angle = (k * Math.PI) / 4;
  return [Math.SQRT2 * 2 * Math.cos(angle), Math.SQRT2 * 2 * Math.sin(angle)];
});

/** Standard deviation `0.5 / sqrt 2`. */
export const EIGHT_SIGMA = Math.SQRT1_2 / 2;

/**
 * Eight Gaussians on a circle. Without overlap the entropy would be `ln 8 + ln(2 pi e / 8) = ln(2 pi e) = 2.8379`;
 * the value given is by quadrature of the mixture's density and counts the overlap.
 */
export const eightGaussians: Toy = {
  title: "eight Gaussians on a circle",
  source: FFJORD,
  entropy: 2.831578361,
  entropyError: 1e-8,
  classes: 8,
  sample: mixture(EIGHT_CENTERS, EIGHT_SIGMA),
};

/** The points of {-4, -2, 0, 2, 4} x {-4, -2, 0, 2, 4}, row by row from the bottom left. */
export const GRID_CENTERS = Array.from({ length: 25 }, (_, k): [number, number] => [
  2 * (k % 5) - 4,
  2 * Math.floor(k / 5) - 4,
]);

export const GRID_SIGMA = 0.05;

/** 25 narrow Gaussians on a grid, for counting modes. Centres are 40 standard deviations apart: the overlap is below 1e-80. */
export const twentyFiveGaussians: Toy = {
  title: "25 Gaussians on a grid",
  source:
    "VEEGAN (Srivastava et al., 2017), https://arxiv.org/abs/1705.07761, and PacGAN (Lin et al., 2018), https://arxiv.org/abs/1712.04086",
  entropy: Math.log(25) + Math.log(2 * Math.PI * Math.E * GRID_SIGMA ** 2),
  entropyError: 0,
  classes: 25,
  sample: mixture(GRID_CENTERS, GRID_SIGMA),
};
