import { type DatumSpec, parseOptions } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { key, numbers } from "../test/support.js";
import { diffusionConfig } from "./config.js";
import { createDiffusion, modelOf, wireDiffusion } from "./model.js";
import type { Network } from "./networks/network.js";

const points: DatumSpec = { kind: "continuous", shape: [2] };
const gray: DatumSpec = { kind: "continuous", shape: [2, 2, 1], range: [0, 1], levels: 256, classes: 3 };
const config = (options: object) =>
  parseOptions("test", diffusionConfig, { network: "mlp", mlp: { width: 8, depth: 1 }, ...options });
const model = (options: object, datum = points) => createDiffusion(config(options), datum);

describe("units of the data", () => {
  it("sigmaData is measured on the first batch, in [-1, 1]", () => {
    const x = tf.tensor4d([0, 0, 0, 0, 0, 0, 1, 1], [2, 2, 2, 1]);
    const { state } = model({}, gray).init(key(0), { x });
    expect(numbers(state.sigmaData)[0]).toBeCloseTo(2 * Math.sqrt(0.25 * 0.75), 5); // a quarter of the values are 1
  });

  it("data without a range are standardised to 0.5 by feature, and sampled in their own units", () => {
    const x = tf.tensor2d([
      [10, 0.1],
      [14, 0.3],
      [10, 0.1],
      [14, 0.3],
    ]);
    const one = model({});
    const { state, params } = one.init(key(0), { x });
    expect(numbers(state.mean as tf.Tensor)).toEqual([12, expect.closeTo(0.2, 5)]);
    expect(numbers(state.std as tf.Tensor)).toEqual([2, expect.closeTo(0.1, 5)]);
    expect(numbers(state.sigmaData)[0]).toBeCloseTo(0.5, 5);
    const sampling = one.sampling({ n: 2, options: {} });
    const done = { x: tf.zeros([2, 2]), view: tf.scalar(1) };
    expect(numbers(sampling.finish(params, state, done)).slice(0, 2)).toEqual([12, expect.closeTo(0.2, 5)]);
  });
});

describe("the ladder of steps", () => {
  it("has numbers that the schedule has", () => {
    expect(model({}).ladder).toEqual({ option: "steps", values: [5, 10, 20, 50] });
    const { ladder, sampling } = model({ preset: "ddpm", timesteps: 12, betaEnd: 0.5 });
    expect(ladder?.values).toEqual([5, 10]);
    expect(ladder?.values.map((steps) => sampling({ n: 1, options: { steps } }).steps)).toEqual([5, 10]);
  });
});

describe("the loss", () => {
  /** Notes what it is shown, and predicts nothing. */
  function spy(): { network: Network; labels: number[] } {
    const labels: number[] = [];
    return {
      labels,
      network: {
        init: () => ({ w: tf.zeros([1]) }),
        apply(_params, x, { label }) {
          labels.push(...(label ? numbers(label) : []));
          return tf.zerosLike(x);
        },
      },
    };
  }
  const loss = (options: object, datum: DatumSpec, batch: { x: tf.Tensor; label?: tf.Tensor }, network: Network) => {
    const one = modelOf({ ...wireDiffusion(config(options), datum), network });
    const { params, state } = one.init(key(0), batch);
    return one.objectives[0]?.loss(params, state, batch, {
      key: key(1),
      step: tf.scalar(0, "int32"),
      progress: tf.scalar(0),
    }).loss as tf.Tensor;
  };

  it("of a network that predicts nothing is the variance of the target: 1 for noise and for Karras et al.'s F", () => {
    const x = tf.randomUniform([4096, 2], -1, 1, "float32", 0);
    const { network } = spy();
    expect(numbers(loss({ preset: "ddpm" }, points, { x }, network))[0]).toBeCloseTo(1, 1);
    expect(numbers(loss({ preset: "edm" }, points, { x }, network))[0]).toBeCloseTo(1, 1);
    expect(numbers(loss({ preset: "flow-matching" }, points, { x }, network))[0]).toBeCloseTo(1.25, 1); // 1 + 0.5^2
  });

  it("hides the share of labels that guidance needs", () => {
    const n = 2000;
    const batch = { x: tf.zeros([n, 2, 2, 1]), label: tf.fill([n], 1, "int32") };
    const { network, labels } = spy();
    loss({ conditional: true, dropLabel: 0.2 }, gray, batch, network);
    expect(labels.filter((label) => label === 3).length / n).toBeCloseTo(0.2, 1);
    expect(labels.every((label) => label === 1 || label === 3)).toBe(true);
  });

  it("needs the label of a conditional model", () => {
    const { network } = spy();
    expect(() => loss({ conditional: true }, gray, { x: tf.zeros([4, 2, 2, 1]) }, network)).toThrow(
      "label must be given",
    );
  });
});

describe("options that cannot be right", () => {
  it.for([
    [{ zeroTerminalSnr: true, preset: "ddpm" }, 'target must be v or x0 with zeroTerminalSnr, got "eps"'],
    [{ zeroTerminalSnr: true, preset: "edm" }, 'zeroTerminalSnr belongs to process vp, got "edm"'],
    [{ sigmaMin: 5, sigmaMax: 1 }, "sigmaMin must be below sigmaMax, got 5 and 1"],
    [{ conditional: true }, "conditional must be false on data without labels"],
    [{ preset: "ddpm", betaEnd: 2 }, "betaStart and betaEnd must be between 0 and 1"],
  ] as const)("%j", ([options, refusal]) => {
    expect(() => model(options)).toThrow(refusal);
  });

  it("more steps than a discrete schedule has", () => {
    expect(() => model({ preset: "ddpm", timesteps: 50 }).sampling({ n: 1, options: { steps: 51 } })).toThrow(
      "steps must be at most 50, the time-steps that the model was trained with, got 51",
    );
  });

  it("data that are no numbers", () => {
    expect(() => model({}, { kind: "tokens", shape: [8], vocabulary: 5 })).toThrow("train an autoregressive model");
  });
});
