import { pointsOf, type Toy } from "./toy.js";

/** Eight squares of side 2, uniform: area 32. Columns of `[-4, 4]` alternate between the rows starting at -4, 0 and those starting at -2, 2. */
export const checkerboard: Toy = {
  title: "checkerboard",
  source: "toy data of FFJORD (Grathwohl et al., 2018), https://github.com/rtqichen/ffjord lib/toy_data.py",
  entropy: Math.log(32),
  entropyError: 0,
  range: [-4, 4],
  sample: (draws, n) => {
    const [u, v] = [draws.uniform("x", n), draws.uniform("y", n)];
    const row = draws.integer("row", n, 2);
    return pointsOf(n, (i) => {
      const x = 8 * (u[i] as number) - 4;
      const isOddColumn = Math.floor(x / 2) % 2 !== 0;
      return [x, 2 * (v[i] as number) - 4 * (row[i] as number) + (isOddColumn ? 2 : 0)];
    });
  },
};
