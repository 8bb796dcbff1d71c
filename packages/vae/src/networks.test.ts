import type { DatumSpec } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { image, initial, key, loss, model, number, numbers, points } from "../test/support.js";
import { chooseNetwork } from "./networks.js";

describe("auto", () => {
  it.each([
    ["mlp", points],
    ["mlp", image(28, 28, 1)],
    ["mlp", image(8, 8, 1)],
    ["conv", image(29, 28, 1)],
    ["conv", image(8, 8, 3)],
  ] as const)("is %s for %j", (network, datum) => {
    expect(chooseNetwork("auto", datum)).toBe(network);
  });
});

describe("shapes", () => {
  const small = { network: "conv", channels: [3, 4, 5], hidden: [6], latentDim: 2 } as const;

  it.each([
    ["28x28x1", small, image(28, 28, 1)],
    ["27x31x3", small, image(27, 31, 3)],
    ["8x8x1", small, image(8, 8, 1)],
    ["64x64x3", small, image(64, 64, 3)],
    ["1x5x2, smaller than the network is deep", small, image(1, 5, 2)],
    ["conv straight to z", { ...small, hidden: [] }, image(9, 8, 1)],
    ["mlp on images", { network: "mlp", hidden: [7, 5], latentDim: 3 }, image(5, 4, 3)],
    ["vectors", { hidden: [6], latentDim: 2 }, { kind: "continuous", shape: [11] }],
    ["points, linear", { hidden: [], latentDim: 1 }, points],
    ["binary vectors", { hidden: [4], latentDim: 2 }, { kind: "binary", shape: [7] }],
  ] as const)("%s", (_, options, datum) => {
    const vae = model(options, datum as DatumSpec);
    const params = initial(vae);
    const x = tf.cast(tf.greater(tf.randomUniform([3, ...datum.shape], 0, 1, "float32", 1), 0.5), "float32");
    const z = vae.latent?.encode?.(params, {}, { x }) as tf.Tensor;
    expect(z.shape).toEqual([3, options.latentDim]);
    expect(vae.latent?.shape).toEqual([options.latentDim]);
    expect(vae.latent?.decode(params, {}, z).shape).toEqual([3, ...datum.shape]);
    expect(vae.elbo?.(params, {}, { x }, key(1)).shape).toEqual([3]);
    expect(Number.isFinite(number(loss(vae, params, { x }).loss))).toBe(true);
  });
});

describe("initialisation", () => {
  it("is uniform in ±1/sqrt(fan-in), as in PyTorch", () => {
    const { encoder } = initial(model({}, image(28, 28, 1))) as unknown as {
      encoder: Record<"dense", Record<"layer0", Record<"kernel" | "bias", tf.Tensor>>>;
    };
    const { kernel, bias } = encoder.dense.layer0;
    expect(kernel.shape).toEqual([784, 400]);
    const bound = 1 / 28;
    const values = [...numbers(kernel), ...numbers(bias)];
    expect(Math.max(...numbers(bias).map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...values.slice(0, 5000).map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(number(tf.mean(tf.square(kernel))) * 3 * 784).toBeCloseTo(1, 1);
  });

  it("follows the key", () => {
    const vae = model({ hidden: [3], latentDim: 1 }, points);
    const flat = (seed: number) =>
      JSON.stringify(initial(vae, seed), (_, v) => (v instanceof tf.Tensor ? numbers(v) : v));
    expect(flat(1)).toBe(flat(1));
    expect(flat(1)).not.toBe(flat(2));
  });

  it("counts 784-400-20 parameters as the reference network does", () => {
    let count = 0;
    JSON.stringify(initial(model({}, image(28, 28, 1))), (_, v) => {
      if (v instanceof tf.Tensor) count += v.size;
      return v instanceof tf.Tensor ? 0 : v;
    });
    expect(count).toBe(784 * 400 + 400 + 2 * (400 * 20 + 20) + 20 * 400 + 400 + 400 * 784 + 784);
  });
});
