import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { image, initial, key, model, numbers, spread } from "../test/support.js";
import { cutNormal } from "./sampler.js";

/** The standard normal distribution function, Abramowitz & Stegun 7.1.26 (error below 1.5e-7). */
function phi(x: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(x) / Math.SQRT2));
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp((-x * x) / 2);
  return 0.5 * (1 + Math.sign(x) * erf);
}

describe("cutNormal", () => {
  it.each([0.3, 1, 2, 6])("is the normal distribution inside ±%s (Kolmogorov-Smirnov)", (limit) => {
    const n = 20_000;
    const z = numbers(cutNormal(key(7), [n], limit)).sort((a, b) => a - b);
    expect(Math.max(Math.abs(z[0] as number), Math.abs(z[n - 1] as number))).toBeLessThanOrEqual(limit);
    const inside = (x: number) => (phi(x) - phi(-limit)) / (phi(limit) - phi(-limit));
    const distance = Math.max(...z.map((x, i) => Math.abs(inside(x) - (i + 0.5) / n)));
    expect(distance).toBeLessThan(1.95 / Math.sqrt(n)); // exceeded once in 1,000 times by chance; the seed is fixed
  });
});

describe("sampling", () => {
  const gray = { ...image(6, 6, 1), classes: 3 };

  it("refuses labels for a model without, and takes them for one with", () => {
    const plain = model({ width: 2, latentDim: 2 }, gray);
    const labels = tf.tensor1d([2, 0], "int32");
    const request = { n: 2, options: {}, label: labels };
    const { params, state } = initial(plain, { x: spread([4, 6, 6, 1]) });
    expect(() => plain.sampling(request).start(params, state, key(1), request)).toThrow(/conditional: false/);
    const conditional = model({ width: 2, latentDim: 2, conditional: true }, gray);
    const carry = conditional.sampling(request).start(params, state, key(1), request);
    expect(carry.label).toBe(labels);
  });

  it("with truncation stays nearer to the middle", () => {
    const plain = model({ width: 2, latentDim: 50 }, gray);
    const { params, state } = initial(plain, { x: spread([4, 6, 6, 1]) });
    const draw = (options: object) => {
      const request = { n: 100, options: { ...options } };
      return Math.max(...numbers(plain.sampling(request).start(params, state, key(1), request).z).map(Math.abs));
    };
    expect(draw({})).toBeGreaterThan(3);
    expect(draw({ truncation: 0.5 })).toBeLessThanOrEqual(0.5);
  });
});
