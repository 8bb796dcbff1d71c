import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { number, numbers } from "../test/support.js";
import { freeBitsKl, importanceBound, klWeight, reparameterize } from "./loss.js";

describe("reparameterize", () => {
  it("is mu + sigma eps", () => {
    const posterior = { mu: tf.tensor2d([[1, -2]]), logVar: tf.tensor2d([[0, 2 * Math.log(3)]]) };
    const [a, b] = numbers(reparameterize(posterior, tf.tensor2d([[0.5, -1]])));
    expect(a).toBeCloseTo(1.5, 5);
    expect(b).toBeCloseTo(-5, 5);
  });
});

describe("freeBitsKl", () => {
  const kl = tf.tensor2d([
    [0.1, 2],
    [0.3, 4],
  ]); // means 0.2 and 3

  it("raises each dimension's batch mean to lambda", () => {
    expect(number(freeBitsKl(kl, 0.5))).toBeCloseTo(3.5, 6);
    expect(number(freeBitsKl(kl, 4))).toBeCloseTo(8, 6);
  });

  it("is the plain mean without lambda", () => {
    expect(number(freeBitsKl(kl, 0))).toBeCloseTo(3.2, 6);
  });

  it("gives no gradient to dimensions below lambda", () => {
    const gradient = numbers(tf.grad((x) => freeBitsKl(x, 0.5))(kl));
    expect(gradient).toEqual([0, 0.5, 0, 0.5]);
  });
});

describe("klWeight", () => {
  const at = (step: number, beta: number, warmUpSteps: number) =>
    number(klWeight(tf.scalar(step, "int32"), beta, warmUpSteps));

  it("rises linearly from 0 to beta and stays", () => {
    expect([0, 25, 50, 100, 5000].map((step) => at(step, 4, 100))).toEqual([0, 1, 2, 4, 4]);
  });

  it("is beta without warm-up", () => {
    expect(at(0, 0.5, 0)).toBe(0.5);
  });
});

describe("importanceBound", () => {
  it("is the log of the mean weight", () => {
    const logWeights = tf.tensor2d([
      [Math.log(1), 0],
      [Math.log(2), -1000],
      [Math.log(6), -1000],
    ]);
    const [a, b] = numbers(importanceBound(logWeights));
    expect(a).toBeCloseTo(Math.log(3), 5);
    expect(b).toBeCloseTo(-Math.log(3), 5);
  });

  it("has the normalised weights as gradient", () => {
    const gradient = numbers(tf.grad((w) => importanceBound(w))(tf.tensor2d([[Math.log(1)], [Math.log(3)]])));
    expect(gradient[0]).toBeCloseTo(0.25, 5);
    expect(gradient[1]).toBeCloseTo(0.75, 5);
  });
});
