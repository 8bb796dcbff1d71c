import { hostKey, hostTensor } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { shifted } from "./shifted.js";

const N = 200;
const SIZE = 7;
const CENTRE = 3;

/** Pictures of one dot in the middle, its two channels 1 and 2. */
function dots() {
  const data = new Float32Array(N * SIZE * SIZE * 2);
  for (let i = 0; i < N; i++) data.set([1, 2], ((i * SIZE + CENTRE) * SIZE + CENTRE) * 2);
  return hostTensor(data, [N, SIZE, SIZE, 2]);
}

describe("shifted", () => {
  it("moves each picture as a whole, to every place that the most allows and to no other", () => {
    const { data, shape } = shifted(dots(), 2, hostKey(0, "shift"));
    expect(shape).toEqual([N, SIZE, SIZE, 2]);
    const places = Array.from({ length: N }, (_, i) => {
      const picture = Array.from(data.subarray(i * SIZE * SIZE * 2, (i + 1) * SIZE * SIZE * 2));
      const at = picture.indexOf(1) / 2;
      expect(picture.reduce((a, b) => a + b)).toBe(3);
      expect(picture[2 * at + 1]).toBe(2);
      return `${Math.floor(at / SIZE) - CENTRE},${(at % SIZE) - CENTRE}`;
    });
    const all = [-2, -1, 0, 1, 2].flatMap((down) => [-2, -1, 0, 1, 2].map((right) => `${down},${right}`));
    expect([...new Set(places)].sort()).toEqual(all.sort());
  });

  it("repeats the border", () => {
    const stripes = hostTensor(
      Float32Array.from({ length: 16 * 9 }, (_, i) => 1 + (i % 3)),
      [16, 3, 3, 1],
    );
    const { data } = shifted(stripes, 1, hostKey(0, "shift"));
    const rows = Array.from({ length: 48 }, (_, i) => data.subarray(3 * i, 3 * i + 3).join(""));
    expect([...new Set(rows)].sort()).toEqual(["112", "123", "233"]);
  });

  it("follows its key", () => {
    const [a, again, other] = [0, 0, 1].map((seed) => shifted(dots(), 2, hostKey(seed, "shift")).data);
    expect(again).toEqual(a);
    expect(other).not.toEqual(a);
  });
});
