import { type DatumSpec, flatten, parseOptions } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { image, initial, model, number, points, spread } from "../test/support.js";
import { ganConfig } from "./config.js";
import { settle } from "./presets.js";

describe("codes", () => {
  const datum = image(8, 8, 1);
  const small = { width: 2, hidden: [8], latentDim: 4 };

  /** The largest change of a sample when the first noise value passes the second, which does not move. */
  const jump = (codes: number, [from, to]: readonly [number, number]) => {
    const gan = model({ ...small, codes }, datum);
    const { params, state } = initial(gan, { x: spread([2, 8, 8, 1]) });
    const at = (first: number) => gan.latent?.decode(params, state, tf.tensor2d([[first, 0.5, -3, 9]])) as tf.Tensor;
    return number(tf.max(tf.abs(tf.sub(at(from), at(to)))));
  };

  it("are chosen by the largest of the first noise values, at once", () => {
    expect(jump(3, [0.4999, 0.5001])).toBeGreaterThan(0.05);
    expect(jump(0, [0.4999, 0.5001])).toBeLessThan(0.001);
    expect(jump(3, [0.4997, 0.4999])).toBeLessThan(0.001);
    expect(jump(4, [0.4999, 0.5001])).toBeLessThan(0.001); // 9 is the largest of four
  });

  it("have a learned vector each beside the noise, and beside the label", () => {
    const inputs = (options: Record<string, unknown>) => {
      const gan = model({ latentDim: 6, hidden: [5], frequencies: 0, ...options }, { ...points, classes: 3 });
      const { params } = initial(gan, { x: spread([2, 2]), label: tf.zeros([2], "int32") });
      return flatten(params.generator).find(([path]) => path.endsWith("kernel"))?.[1].shape[0];
    };
    expect(inputs({ codes: 4 })).toBe(10);
    expect(inputs({ codes: 4, conditional: true })).toBe(13);
  });

  it("are 16 by default for pictures, or as many as there are noise values, and none in the presets of older papers", () => {
    const codes = (options: Record<string, unknown>, of: DatumSpec = datum) =>
      settle(parseOptions("@latentkit/gan", ganConfig, options), of).codes;
    expect(codes({})).toBe(16);
    expect(codes({ latentDim: 5 })).toBe(5);
    expect(codes({ latentDim: 5, codes: 0 })).toBe(0);
    for (const preset of ["dcgan", "wgan-gp", "sngan-hinge", "gan-mlp"]) expect(codes({ preset })).toBe(0);
    expect(codes({}, points)).toBe(0);
  });

  it("are refused where there are more than noise values", () => {
    expect(() => model({ ...small, codes: 5 }, datum)).toThrow(/codes must be at most latentDim, which is 4, got 5/);
  });
});
