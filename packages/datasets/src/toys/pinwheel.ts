import { pointsOf, type Toy } from "./toy.js";

const BLADES = 5;
export const RADIAL_SIGMA = 0.3;
export const TANGENTIAL_SIGMA = 0.1;

/** By how much a blade is turned at radial coordinate `r`, before the scaling by 2: `0.25 e^r`. */
export function twist(r: number): number {
  return 0.25 * Math.exp(r);
}

/** Five bent blades around the origin. */
export const pinwheel: Toy = {
  title: "pinwheel",
  source:
    "Johnson et al., 2016, https://arxiv.org/abs/1603.06277, as scaled by FFJORD, https://github.com/rtqichen/ffjord lib/toy_data.py",
  entropy: 2.31779,
  entropyError: 1e-4,
  classes: BLADES,
  sample: (draws, n) => {
    const label = draws.integer("component", n, BLADES);
    const noise = draws.normal("noise", 2 * n);
    const at = (i: number): [number, number] => {
      const radial = 1 + RADIAL_SIGMA * (noise[2 * i] as number);
      const tangential = TANGENTIAL_SIGMA * (noise[2 * i + 1] as number);
      const angle = (2 * Math.PI * (label[i] as number)) / BLADES + twist(radial);
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      return [2 * (radial * cos + tangential * sin), 2 * (tangential * cos - radial * sin)]; // turned clockwise by the angle
    };
    return pointsOf(n, at, label);
  },
};
