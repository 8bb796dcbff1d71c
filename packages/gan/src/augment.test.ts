import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { key, number, numbers, spread } from "../test/support.js";
import { AUGMENTATIONS, addInstanceNoise, augment } from "./augment.js";

const images = spread([4, 8, 8, 3]);

describe("augment", () => {
  it("leaves images alone when nothing is chosen", () => {
    expect(augment(images, [], key(0))).toBe(images);
  });

  it.each(AUGMENTATIONS)("%s does the same to two batches with one key, and something else with another", (name) => {
    const once = numbers(augment(images, [name], key(1)));
    expect(numbers(augment(images, [name], key(1)))).toEqual(once);
    expect(numbers(augment(images, [name], key(2)))).not.toEqual(once);
    expect(augment(images, [name], key(1)).shape).toEqual(images.shape);
  });

  it("translation moves every image as a whole and fills with 0", () => {
    const dot = tf.tensor(
      Array.from({ length: 64 }, (_, i) => (i === 4 * 8 + 4 ? 1 : 0)),
      [1, 8, 8, 1],
    );
    const places = Array.from({ length: 30 }, (_, seed) =>
      numbers(augment(dot, ["translation"], key(seed))).indexOf(1),
    );
    const offsets = places.map((i) => [Math.floor(i / 8) - 4, (i % 8) - 4]);
    expect(offsets.every(([dy = 9, dx = 9]) => Math.abs(dy) <= 1 && Math.abs(dx) <= 1)).toBe(true);
    expect(new Set(offsets.map(String)).size).toBe(9); // an eighth of 8 either way
  });

  it("cutout sets a rectangle of up to half the sides to 0", () => {
    const counts = Array.from(
      { length: 20 },
      (_, seed) => 64 - number(tf.sum(augment(tf.ones([1, 8, 8, 1]), ["cutout"], key(seed)))),
    );
    expect(Math.max(...counts)).toBeLessThanOrEqual(16);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  });

  it("color keeps gray images gray", () => {
    const gray = tf.tile(spread([2, 4, 4, 1]), [1, 1, 1, 3]);
    const [r, g] = tf.split(augment(gray, ["color"], key(3)), 3, 3) as [tf.Tensor, tf.Tensor];
    numbers(tf.sub(r, g)).forEach((difference) => {
      expect(difference).toBeCloseTo(0, 5);
    });
  });

  it("lets gradients through: the transforms are linear in the image", () => {
    const weights = spread([4, 8, 8, 3], 4);
    const f = (x: tf.Tensor) => tf.sum(tf.mul(augment(x, AUGMENTATIONS, key(5)), weights));
    const direction = spread([4, 8, 8, 3], 6);
    const along = number(tf.sum(tf.mul(tf.grad(f)(images), direction)));
    expect(number(f(tf.add(images, direction)))).toBeCloseTo(number(f(images)) + along, 2);
  });
});

describe("addInstanceNoise", () => {
  const noise = { from: 0.5, to: 0.005, share: 0.5 };
  const deviation = (progress: number) => {
    const x = addInstanceNoise(tf.zeros([20_000]), noise, tf.scalar(progress), key(1));
    return Math.sqrt(number(tf.mean(tf.square(x))));
  };

  it("falls by the same factor on every step, and ends", () => {
    expect(deviation(0) / 0.5).toBeCloseTo(1, 1);
    expect(deviation(0.25) / 0.05).toBeCloseTo(1, 1);
    expect(deviation(0.5)).toBe(0);
    expect(deviation(1)).toBe(0);
  });
});
