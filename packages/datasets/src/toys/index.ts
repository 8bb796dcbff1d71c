import { checkerboard } from "./checkerboard.js";
import { moons, rings, spirals } from "./curves.js";
import { eightGaussians, twentyFiveGaussians } from "./gaussians.js";
import { pinwheel } from "./pinwheel.js";
import type { Toy } from "./toy.js";

/** Every toy by the name given to `--data`. */
export const TOYS = {
  "8gaussians": eightGaussians,
  "25gaussians": twentyFiveGaussians,
  checkerboard,
  moons,
  pinwheel,
  spirals,
  rings,
} as const satisfies Record<string, Toy>;

export type ToyName = keyof typeof TOYS;
