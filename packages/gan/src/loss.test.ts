import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { number, numbers } from "../test/support.js";
import { hinge, leastSquares, losses, minimax, nonSaturating, relativistic, wasserstein } from "./loss.js";

const logits = { real: tf.tensor1d([2, -1]), fake: tf.tensor1d([0.5, -3]) };
const softplus = (x: number): number => Math.log1p(Math.exp(x));

describe("losses of discriminator and generator", () => {
  const crossEntropy = (softplus(-2) + softplus(1)) / 2 + (softplus(0.5) + softplus(-3)) / 2;
  const cases = [
    ["non-saturating", nonSaturating, crossEntropy, (softplus(-0.5) + softplus(3)) / 2],
    ["minimax", minimax, crossEntropy, -(softplus(0.5) + softplus(-3)) / 2],
    ["hinge", hinge, (0 + 2) / 2 + (1.5 + 0) / 2, (-0.5 + 3) / 2],
    ["least-squares", leastSquares, 0.5 * ((1 + 4) / 2 + (0.25 + 9) / 2), 0.5 * ((0.25 + 16) / 2)],
    ["wasserstein", wasserstein, (0.5 - 3) / 2 - (2 - 1) / 2, (-0.5 + 3) / 2],
    ["relativistic", relativistic, (softplus(-1.5) + softplus(-2)) / 2, (softplus(1.5) + softplus(2)) / 2],
  ] as const;

  it.each(cases)("%s have their closed form", (_name, loss, discriminator, generator) => {
    expect(number(loss.discriminator(logits))).toBeCloseTo(discriminator, 5);
    expect(number(loss.generator(logits))).toBeCloseTo(generator, 5);
  });

  it.each(Object.entries(losses))("%s: a better discriminator pays less, a better generator too", (_name, loss) => {
    const d = (x: number, y: number) => number(loss.discriminator({ real: tf.tensor1d([x]), fake: tf.tensor1d([y]) }));
    const g = (x: number, y: number) => number(loss.generator({ real: tf.tensor1d([x]), fake: tf.tensor1d([y]) }));
    expect(d(0.8, -0.8)).toBeLessThan(d(-0.8, 0.8));
    expect(g(0.5, 0.4)).toBeLessThan(g(0.5, -0.4));
  });

  it("minimax hardly moves a generator whose samples are recognised, the non-saturating loss does", () => {
    const slope = (loss: typeof minimax) =>
      numbers(
        tf.grad((fake: tf.Tensor) => loss.generator({ real: logits.real, fake }))(tf.tensor1d([-8])),
      )[0] as number;
    expect(Math.abs(slope(minimax))).toBeLessThan(1e-3);
    expect(slope(nonSaturating)).toBeCloseTo(-1, 2);
  });
});
