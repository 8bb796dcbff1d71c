import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { key, number, numbers, spread } from "../test/support.js";
import {
  annealedGamma,
  type Critic,
  leCam,
  moveAnchors,
  squaredGradientNorms,
  wganGp,
  zeroCentredPenalty,
} from "./penalties.js";

/** `D(x) = w x`: its gradient is w everywhere. */
const linear = (w: number[]): Critic => {
  return (x) => tf.reshape(tf.matMul(x as tf.Tensor2D, tf.tensor2d(w, [w.length, 1])), [-1]);
};
const x = spread([5, 2]);

describe("penalties on the gradient", () => {
  it("see |w| of a linear critic, whatever the data", () => {
    const critic = linear([3, 4]);
    for (const square of numbers(squaredGradientNorms(critic, x))) expect(square).toBeCloseTo(25, 4);
    expect(number(wganGp(critic, x, spread([5, 2], 2), key(0), 10))).toBeCloseTo(10 * (5 - 1) ** 2, 2);
    expect(number(zeroCentredPenalty(critic, x, 0.1))).toBeCloseTo(0.05 * 25, 5);
  });

  it("take every datum alone: of D(x) = |x|^2 / 2 the gradient is x", () => {
    const critic: Critic = (input) => tf.mul(0.5, tf.sum(tf.square(input), 1));
    const expected = numbers(tf.sum(tf.square(x), 1));
    numbers(squaredGradientNorms(critic, x)).forEach((square, i) => {
      expect(square).toBeCloseTo(expected[i] as number, 5);
    });
  });

  it("draw one point a pair between data and samples", () => {
    const seen: number[][] = [];
    const critic: Critic = (input) => {
      seen.push(numbers(input));
      return tf.sum(input, 1);
    };
    wganGp(critic, tf.zeros([6, 3]), tf.ones([6, 3]), key(1));
    const [values] = seen as [number[]];
    for (let i = 0; i < 6; i++) expect(new Set(values.slice(3 * i, 3 * i + 3)).size).toBe(1); // on the line
    expect(new Set(values).size).toBe(6); // each its own
    expect(values.every((v) => v >= 0 && v <= 1)).toBe(true);
  });

  it("have a finite gradient where the critic is flat", () => {
    const slope = tf.grad((w: tf.Tensor) => wganGp((input) => tf.sum(tf.mul(input, w), 1), x, x, key(2)))(
      tf.zeros([2]),
    );
    expect(numbers(slope).every(Number.isFinite)).toBe(true);
  });

  it("name a kernel that cannot be differentiated", () => {
    const turning: Critic = (input) =>
      tf.sum(tf.image.rotateWithOffset(tf.reshape(input, [5, 1, 2, 1]) as tf.Tensor4D, 0.1), [1, 2, 3]);
    expect(() => squaredGradientNorms(turning, x)).toThrow(/kernel RotateWithOffset has none; use another layer/);
  });
});

describe("annealedGamma", () => {
  const at = (progress: number) => {
    const gamma = annealedGamma({ gamma: 1, finalGamma: 0.01, share: 0.5 }, tf.scalar(progress));
    return typeof gamma === "number" ? gamma : number(gamma);
  };

  it("falls by the same factor on every step of its share of the run, and stays", () => {
    [1, 0.1, 0.01, 0.01].forEach((gamma, i) => {
      expect(at(0.25 * i)).toBeCloseTo(gamma, 5);
    });
  });

  it("is constant without an end", () => {
    expect(annealedGamma({ gamma: 0.5 }, tf.scalar(7, "int32"))).toBe(0.5);
  });
});

describe("LeCam", () => {
  const logits = { real: tf.tensor1d([2, -1]), fake: tf.tensor1d([0.5, -3]) };
  const anchors = { real: tf.scalar(1), fake: tf.scalar(-1) };

  it("punishes logits beyond the other side's average", () => {
    const real = ((2 + 1) ** 2 + 0) / 2; // relu(l - a_fake)
    const fake = ((1 - 0.5) ** 2 + (1 + 3) ** 2) / 2; // relu(a_real - l)
    expect(number(leCam(logits, anchors, 0.3))).toBeCloseTo(0.3 * (real + fake), 5);
  });

  it("moves the averages, without a gradient", () => {
    const next = moveAnchors(anchors, logits, 0.9);
    expect(number(next.real)).toBeCloseTo(0.9 + 0.1 * 0.5, 6);
    expect(number(next.fake)).toBeCloseTo(-0.9 + 0.1 * -1.25, 6);
    const slope = tf.grad((real: tf.Tensor) => moveAnchors(anchors, { ...logits, real }, 0.9).real)(logits.real);
    expect(numbers(slope)).toEqual([0, 0]);
  });
});
