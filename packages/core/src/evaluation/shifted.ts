import { type HostTensor, philoxUniform } from "@latentkit/jit";

/**
 * Pictures moved by whole pixels, each on its own, evenly from -`most` to `most` down and to the right; what comes in from outside repeats the border.
 *
 * @param x float32, shape `(n, height, width, channels)`.
 */
export function shifted(x: HostTensor, most: number, key: Int32Array): HostTensor {
  const [n = 0, height = 0, width = 0, channels = 0] = x.shape;
  const offsets = philoxUniform(key, 2 * n).map((u) => Math.floor(u * (2 * most + 1)) - most);
  const inside = (i: number, size: number) => Math.min(size - 1, Math.max(0, i));
  const data = new Float32Array(x.data.length);
  let at = 0;
  for (let picture = 0; picture < n; picture++) {
    const [down, right] = [offsets[2 * picture] as number, offsets[2 * picture + 1] as number];
    for (let row = 0; row < height; row++) {
      const line = (picture * height + inside(row - down, height)) * width;
      for (let column = 0; column < width; column++) {
        const from = (line + inside(column - right, width)) * channels;
        data.set(x.data.subarray(from, from + channels) as Float32Array, at);
        at += channels;
      }
    }
  }
  return { ...x, data };
}
