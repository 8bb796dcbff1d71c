import { flatten, type TensorTree } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { initial, model, numbers, points, spread } from "../../test/support.js";
import { withWaves } from "./mlp.js";

describe("withWaves", () => {
  it("puts sines, then cosines, at wavelengths 4 and 2 beside the values", () => {
    const expected = [1, 0.5, 1, Math.SQRT1_2, 0, 1, 0, Math.SQRT1_2, -1, 0].map((value) => expect.closeTo(value, 6));
    expect(numbers(withWaves(tf.tensor2d([[1, 0.5]]), 2))).toEqual(expected);
  });

  it("leaves the values alone without octaves", () => {
    const x = spread([3, 2]);
    expect(withWaves(x, 0)).toBe(x);
  });
});

describe("networks of points", () => {
  it("both see waves, the discriminator of the data and the generator of its noise", () => {
    const { params } = initial(model({ latentDim: 3, hidden: [5], frequencies: 4 }, points), { x: spread([4, 2]) });
    const inputs = (network: TensorTree) => flatten(network).find(([path]) => path.endsWith("kernel"))?.[1].shape[0];
    expect(inputs(params.generator)).toBe(3 * 9);
    expect(inputs(params.discriminator)).toBe(2 * 9);
  });
});
