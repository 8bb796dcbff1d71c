import { pointsOf, type Toy } from "./toy.js";

const FFJORD = "toy data of FFJORD (Grathwohl et al., 2018), https://github.com/rtqichen/ffjord lib/toy_data.py";

/** Standard deviation of the noise of {@link moons}: 0.1 before the scaling by 2. */
export const MOONS_SIGMA = 0.2;

/** Point of moon `k` (0: upper, 1: lower) at angle `t` in [0, pi]. */
export function moonCurve(k: number, t: number): [number, number] {
  return k === 0 ? [2 * Math.cos(t) - 1, 2 * Math.sin(t) - 0.2] : [1 - 2 * Math.cos(t), 0.8 - 2 * Math.sin(t)];
}

/** Two half circles of radius 2 with Gaussian noise: scikit-learn's make_moons, scaled by 2 and centred. Angles are uniform draws, not a grid. */
export const moons: Toy = {
  title: "two moons",
  source: `${FFJORD}; make_moons of scikit-learn`,
  entropy: 2.3938792,
  entropyError: 1e-6,
  classes: 2,
  sample: (draws, n) => {
    const label = draws.integer("component", n, 2);
    const [u, noise] = [draws.uniform("angle", n), draws.normal("noise", 2 * n)];
    const at = (i: number): [number, number] => {
      const [x, y] = moonCurve(label[i] as number, Math.PI * (u[i] as number));
      return [x + MOONS_SIGMA * (noise[2 * i] as number), y + MOONS_SIGMA * (noise[2 * i + 1] as number)];
    };
    return pointsOf(n, at, label);
  },
};

/** Radii of {@link rings}, inner to outer. */
export const RING_RADII = [0.75, 1.5, 2.25, 3] as const;
export const RINGS_SIGMA = 0.08;

/** Four concentric circles, equally likely, with Gaussian noise. Angles are uniform draws, not a grid. */
export const rings: Toy = {
  title: "four rings",
  source: FFJORD,
  entropy: 2.62318277,
  entropyError: 1e-7,
  classes: 4,
  sample: (draws, n) => {
    const label = draws.integer("component", n, 4);
    const [u, noise] = [draws.uniform("angle", n), draws.normal("noise", 2 * n)];
    const at = (i: number): [number, number] => {
      const radius = RING_RADII[label[i] as number] as number;
      const angle = 2 * Math.PI * (u[i] as number);
      return [
        radius * Math.cos(angle) + RINGS_SIGMA * (noise[2 * i] as number),
        radius * Math.sin(angle) + RINGS_SIGMA * (noise[2 * i + 1] as number),
      ];
    };
    return pointsOf(n, at, label);
  },
};

/** Largest angle of {@link spirals}: one and a half turns. */
export const SPIRAL_TURN = 3 * Math.PI;
export const SPIRALS_SIGMA = 0.1;
/** Width of the uniform noise of {@link spirals}. */
export const SPIRAL_WIDTH = 1 / 6;

/** Lower left corner of the uniform noise around the first arm at angle `t`; the second arm is its reflection at the origin. */
export function spiralCurve(t: number): [number, number] {
  return [(-Math.cos(t) * t) / 3, (Math.sin(t) * t) / 3];
}

/** Two interlaced spirals with uniform and Gaussian noise. */
export const spirals: Toy = {
  title: "two spirals",
  source: FFJORD,
  entropy: 2.64545036,
  entropyError: 1e-5,
  classes: 2,
  sample: (draws, n) => {
    const label = draws.integer("component", n, 2);
    const [u, width, noise] = [draws.uniform("angle", n), draws.uniform("width", 2 * n), draws.normal("noise", 2 * n)];
    const at = (i: number): [number, number] => {
      const sign = label[i] === 0 ? 1 : -1;
      const [x, y] = spiralCurve(SPIRAL_TURN * Math.sqrt(u[i] as number));
      return [
        sign * (x + SPIRAL_WIDTH * (width[2 * i] as number)) + SPIRALS_SIGMA * (noise[2 * i] as number),
        sign * (y + SPIRAL_WIDTH * (width[2 * i + 1] as number)) + SPIRALS_SIGMA * (noise[2 * i + 1] as number),
      ];
    };
    return pointsOf(n, at, label);
  },
};
