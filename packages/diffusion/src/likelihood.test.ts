import { normal } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { CLASS_STD, idealModel, key, mean, numbers, scanEagerly, std } from "../test/support.js";

const { model, params, state } = idealModel();
/** Data of the ideal model, `N(0.1, 0.25^2)` in both dimensions. */
const draw = (n: number, seed = 1) => tf.add(tf.mul(normal(key(seed), [n, 2]), CLASS_STD), 0.1);
const logDensity = (x: number) => -0.5 * ((x - 0.1) / CLASS_STD) ** 2 - Math.log(CLASS_STD * Math.sqrt(2 * Math.PI));

describe("the bound", () => {
  it("of the ideal network is the likelihood", () => {
    const n = 8000;
    const bounds = numbers(model.elbo?.(params, state, { x: draw(n) }, key(2)) as tf.Tensor);
    const exact = -2 * (0.5 + Math.log(CLASS_STD * Math.sqrt(2 * Math.PI))); // minus the entropy
    const error = std(bounds) / Math.sqrt(n);
    expect(error).toBeLessThan(0.1);
    expect(Math.abs(mean(bounds) - exact)).toBeLessThan(3 * error);
  });

  it("of a discrete process is the sum of Ho et al., which for normal data has a closed form", () => {
    const ddpm = idealModel({ process: "vp", schedule: "linear", weight: "simple" });
    const snr = ddpm.levels.map(({ alpha, sigma }) => (alpha / sigma) ** 2);
    const variance = CLASS_STD ** 2;
    const squaredError = (i: number) => variance / (1 + (snr[i] as number) * variance);
    const [first, last] = [snr[0] as number, ddpm.levels[999] as { alpha: number; sigma: number }];
    const sum = snr.slice(1).reduce((all, s, i) => all + (((snr[i] as number) - s) / 2) * squaredError(i + 1), 0);
    const prior = (last.alpha ** 2 * (variance + 0.1 ** 2)) / (2 * last.sigma ** 2);
    const decoder = 0.5 * Math.log((2 * Math.PI) / first) + (squaredError(0) * first) / 2;
    const n = 6000;
    const bounds = numbers(ddpm.model.elbo?.(ddpm.params, ddpm.state, { x: draw(n) }, key(2)) as tf.Tensor);
    expect(Math.abs(mean(bounds) + 2 * (sum + prior + decoder))).toBeLessThan((3 * std(bounds)) / Math.sqrt(n));
    expect(ddpm.model.likelihoodNote).toContain("bound of ancestral sampling with 1000 steps");
  });

  it("of a network that knows nothing is lower", () => {
    const blind = idealModel({ target: "eps" }); // reads the ideal x0 as noise
    const x = draw(500);
    const value = (one: Pick<typeof blind, "model" | "params" | "state">) =>
      mean(numbers(one.model.elbo?.(one.params, one.state, { x }, key(2)) as tf.Tensor));
    expect(value(blind)).toBeLessThan(value({ model, params, state }) - 1);
  });

  it("says on what its numbers stand", () => {
    expect(model.likelihoodNote).toBe("bound in continuous time, a density in the units of the data");
  });
});

describe("the probability-flow equation", () => {
  const x = tf.tensor2d([
    [0.1, 0.1],
    [0.4, -0.2],
    [-0.3, 0.35],
    [0.6, 0.6],
  ]);

  it("gives the density of each datum", () => {
    const scan = model.scanMetrics?.flowLogProb?.scan;
    if (scan === undefined) throw new Error("the model lost its metric");
    const values = numbers(scanEagerly(scan, params, state, { x }));
    for (const [i, [a, b]] of (x.arraySync() as [number, number][]).entries())
      expect(Math.abs((values[i] as number) - logDensity(a) - logDensity(b))).toBeLessThan(0.05);
  });

  it("is estimated by a random direction in many dimensions, exactly for a normal whose Jacobian is a multiple of 1", () => {
    const wide = idealModel({}, [6]);
    const scan = wide.model.scanMetrics?.flowLogProb?.scan;
    if (scan === undefined) throw new Error("the model lost its metric");
    const values = numbers(scanEagerly(scan, wide.params, wide.state, { x: tf.fill([2, 6], 0.3) }));
    for (const value of values) expect(Math.abs(value - 6 * logDensity(0.3))).toBeLessThan(0.1);
  });

  it("takes data to standard normal noise, and back", () => {
    const { encode, decode } = model.scanLatent ?? {};
    if (encode === undefined || decode === undefined) throw new Error("the model lost its latent space");
    const data = draw(2000, 3);
    const z = scanEagerly(encode, params, state, { x: data });
    expect(mean(numbers(z))).toBeCloseTo(0, 1);
    expect(std(numbers(z))).toBeCloseTo(1, 1);
    const back = scanEagerly(decode, params, state, { z });
    const errors = numbers(tf.abs(tf.sub(back, data)));
    expect(mean(errors)).toBeLessThan(0.005);
    expect(Math.max(...errors)).toBeLessThan(0.03);
  });
});
