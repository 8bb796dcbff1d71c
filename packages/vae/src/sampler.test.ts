import type { DatumSpec } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { image, initial, key, model, number, numbers, points } from "../test/support.js";
import type { VaeParams } from "./model.js";

const small = { hidden: [6], latentDim: 2 } as const;

function sample(
  options: object,
  datum: DatumSpec,
  request: { n: number; label?: tf.Tensor; options?: object },
  seed = 1,
  given?: VaeParams,
) {
  const vae = model({ ...small, ...options }, datum);
  const asked = { n: request.n, options: { ...request.options } };
  const sampling = vae.sampling(asked);
  const params = given ?? initial(vae);
  const carry = sampling.start(params, {}, key(seed), { ...asked, ...(request.label ? { label: request.label } : {}) });
  expect(sampling.steps).toBe(0);
  return sampling.finish(params, {}, carry);
}

describe("sampling", () => {
  it.each([
    ["bernoulli", {}, image(5, 4, 1)],
    ["discretized-logistic", {}, image(5, 4, 3)],
    ["gaussian, bounded", { likelihood: "gaussian" }, { ...image(5, 4, 1), range: [-1, 1] }],
  ] as const)("stays in the data's range: %s", (_, options, datum) => {
    for (const sampleLikelihood of [false, true]) {
      const x = sample(options, datum as DatumSpec, { n: 7, options: { sampleLikelihood } });
      const [low, high] = datum.range as readonly [number, number];
      expect(x.shape).toEqual([7, ...datum.shape]);
      expect(number(tf.min(x))).toBeGreaterThanOrEqual(low);
      expect(number(tf.max(x))).toBeLessThanOrEqual(high);
    }
  });

  it("repeats for the same key only", () => {
    const draw = (seed: number) => numbers(sample({}, points, { n: 3, options: { sampleLikelihood: true } }, seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it("draws pixels when asked, else gives their mean", () => {
    const drawn = numbers(sample({}, image(4, 4, 1), { n: 5, options: { sampleLikelihood: true } }));
    expect(new Set(drawn)).toEqual(new Set([0, 1]));
    expect(new Set(numbers(sample({}, image(4, 4, 1), { n: 5 }))).size).toBeGreaterThan(20);
  });

  it("gives the prior's centre at temperature 0", () => {
    const [first, ...rest] = numbers(tf.sum(sample({}, points, { n: 4, options: { temperature: 0 } }), 1));
    for (const value of rest) expect(value).toBeCloseTo(first as number, 6);
  });

  it("refuses what the model does not know", () => {
    expect(() => sample({}, points, { n: 1, options: { temprature: 1 } })).toThrow(
      /unknown option "temprature".*did you mean/,
    );
    expect(() => sample({}, points, { n: 1, options: { temperature: -1 } })).toThrow(/^@latentkit\/vae: temperature/);
    expect(() => sample({}, { ...points, classes: 2 }, { n: 1, label: tf.tensor1d([1], "int32") })).toThrow(
      /label must not be given.*train one with conditional: true/,
    );
  });
});

describe("conditional", () => {
  const labelled: DatumSpec = { ...points, classes: 3 };
  /** Without hidden layers the decoder is `[z, one-hot] @ kernel`: rows 2 to 4 are the classes. */
  const params: VaeParams = {
    encoder: {},
    decoder: {
      dense: {
        layer0: {
          kernel: tf.tensor2d([
            [0, 0],
            [0, 0],
            [1, 10],
            [2, 20],
            [3, 30],
          ]),
          bias: tf.zeros([2]),
        },
      },
    },
  };
  const linear = { hidden: [], conditional: true };

  it("samples the class that is asked for", () => {
    const x = sample(linear, labelled, { n: 3, label: tf.tensor1d([2, 0, 1], "int32") }, 1, params);
    expect(numbers(x)).toEqual([3, 30, 1, 10, 2, 20]);
  });

  it("draws labels uniformly when none is asked for", () => {
    const classes = numbers(sample(linear, labelled, { n: 3000 }, 1, params)).filter((_, i) => i % 2 === 0);
    for (const value of [1, 2, 3]) {
      const share = classes.filter((v) => v === value).length / 3000;
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.04); // 4.6 standard errors
    }
  });

  it("encodes and decodes by label, and needs one", () => {
    const vae = model({ ...small, conditional: true }, labelled);
    const weights = initial(vae);
    const x = tf.tensor2d([
      [1, 2],
      [1, 2],
    ]);
    const [a, , b] = numbers(
      vae.latent?.encode?.(weights, {}, { x, label: tf.tensor1d([0, 2], "int32") }) as tf.Tensor,
    );
    expect(a).not.toBeCloseTo(b as number, 4);
    const decoded = vae.latent?.decode(weights, {}, tf.zeros([2, 2]), tf.tensor1d([0, 2], "int32")) as tf.Tensor;
    expect(numbers(decoded)[0]).not.toBeCloseTo(numbers(decoded)[2] as number, 4);
    expect(() => vae.latent?.decode(weights, {}, tf.zeros([2, 2]))).toThrow(/label must be given/);
    expect(() => vae.latent?.encode?.(weights, {}, { x })).toThrow(/label must be given/);
  });
});
