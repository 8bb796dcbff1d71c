import { describe, expect, it } from "vitest";
import { mnist } from "./mnist.js";
import { stackedMnist } from "./stacked-mnist.js";

describe("stacked-mnist", () => {
  it("has 128,000 and 26,000 images of 1000 classes unless asked for less", async () => {
    const { datum, splits } = await stackedMnist().load(0);
    expect(datum).toEqual({ kind: "continuous", shape: [28, 28, 3], range: [0, 1], levels: 256, classes: 1000 });
    expect([splits.train.size, splits.test.size]).toEqual([128_000, 26_000]);
    const small = await stackedMnist({ train: 5, test: 3 }).load(0);
    expect([small.splits.train.size, small.splits.test.size]).toEqual([5, 3]);
  });

  it("stacks images of mnist, the label naming the three digits", async () => {
    const { test } = (await stackedMnist().load(0)).splits;
    const digits = (await mnist().load(0)).splits.test.gather(Array.from({ length: 10_000 }, (_, i) => i));
    const known = new Map<string, number>();
    for (let i = 0; i < 10_000; i++) {
      const image = digits.x?.data.subarray(i * 784, (i + 1) * 784) as Float32Array;
      known.set(Buffer.from(image.slice().buffer).toString("base64"), digits.label?.data[i] as number);
    }
    const { x, label } = test.gather([0, 9_999, 25_999]); // the last digits come from a third round
    for (let i = 0; i < 3; i++) {
      const names = [0, 1, 2].map((channel) => {
        const image = Float32Array.from({ length: 784 }, (_, k) => x?.data[(i * 784 + k) * 3 + channel] as number);
        return known.get(Buffer.from(image.buffer).toString("base64"));
      });
      expect(label?.data[i]).toBe(100 * Number(names[0]) + 10 * Number(names[1]) + Number(names[2]));
    }
  });

  it("holds every class about equally often, and is the same for every seed", async () => {
    const [a, b] = await Promise.all([0, 7].map(async (seed) => (await stackedMnist().load(seed)).splits.test));
    const counts = new Int32Array(1000);
    for (let from = 0; from < 26_000; from += 2000) {
      const rows = Array.from({ length: 2000 }, (_, i) => from + i);
      for (const label of a?.gather(rows).label?.data ?? [])
        counts[label as number] = (counts[label as number] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(4); // 26 on average; digits themselves are not equally frequent
    expect(Math.max(...counts)).toBeLessThan(70);
    expect(b?.gather([1, 2, 3]).label?.data).toEqual(a?.gather([1, 2, 3]).label?.data);
  });
});
