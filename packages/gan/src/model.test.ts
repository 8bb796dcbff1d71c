import {
  type Batch,
  eager,
  flatten,
  type HostTensor,
  hostTensor,
  MemoryCheckpointStore,
  type Split,
  train,
} from "@latentkit/core";
import { syntheticDataset } from "@latentkit/core/testing";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { image, initial, key, model, number, numbers, points, spread } from "../test/support.js";
import { checkData } from "./check-data.js";
import { gan } from "./plugin.js";

const context = (seed = 1) => ({ key: key(seed), step: tf.scalar(0, "int32"), progress: tf.scalar(0) });
const small = { latentDim: 2, width: 2, hidden: [6] };

describe("the two objectives", () => {
  const datum = image(6, 6, 1);
  const batch: Batch = { x: tf.mul(tf.add(spread([4, 6, 6, 1]), 1), 0.5) };

  it("train one network each, and only the generator is averaged", () => {
    const { objectives } = model(small, datum);
    expect(objectives.map(({ name, trains, average }) => [name, trains, average])).toEqual([
      ["discriminator", ["discriminator"], false],
      ["generator", ["generator"], undefined],
    ]);
  });

  it("update the critic several times for one update of the generator", () => {
    const { objectives } = model({ ...small, preset: "wgan-gp", criticSteps: 5 }, datum);
    expect(objectives.map(({ every = 1 }) => every)).toEqual([1, 5]);
  });

  it("have the penalty as a lazy term with its interval", () => {
    const { objectives } = model({ ...small, penalty: { every: 16 } }, datum);
    expect(objectives[0]?.lazy?.every).toBe(16);
    expect(model({ ...small, preset: "dcgan" }, datum).objectives[0]?.lazy).toBeUndefined();
  });

  it("keep power-iteration vectors, running statistics and logit averages in the state, and move them in the right update", () => {
    const sngan = model({ ...small, preset: "sngan-hinge", penalty: "lecam" }, datum);
    const { params, state } = initial(sngan, batch);
    expect(Object.keys(state).sort()).toEqual(["anchors", "generator", "spectral"]);
    const [discriminator, generator] = sngan.objectives;
    const changed = (next: object) =>
      Object.entries(next)
        .filter(([name, tree]) => {
          const before = flatten((state as Record<string, any>)[name]).map(([, t]) => numbers(t as tf.Tensor));
          return JSON.stringify(before) !== JSON.stringify(flatten(tree).map(([, t]) => numbers(t as tf.Tensor)));
        })
        .map(([name]) => name);
    expect(changed(discriminator?.loss(params, state, batch, context()).state as object)).toEqual([
      "spectral",
      "anchors",
    ]);
    expect(changed(generator?.loss(params, state, batch, context()).state as object)).toEqual(["generator"]);
  });

  it("relativistic: the generator's loss looks at the batch too", () => {
    const r3gan = model(small, datum);
    const { params, state } = initial(r3gan, batch);
    const loss = (x: tf.Tensor) => number(r3gan.objectives[1]?.loss(params, state, { x }, context()).loss as tf.Tensor);
    expect(loss(batch.x)).not.toBeCloseTo(loss(tf.zerosLike(batch.x)), 4);
  });

  it("projection: a label changes the discriminator's output by the product of features and class vector", () => {
    const labelled = { ...points, classes: 2 };
    const conditional = model({ ...small, conditional: true }, labelled);
    const x = spread([4, 2]);
    const { params, state } = initial(conditional, { x, label: tf.zeros([4], "int32") });
    const loss = (label: number[]) =>
      number(
        conditional.objectives[0]?.loss(params, state, { x, label: tf.tensor1d(label, "int32") }, context())
          .loss as tf.Tensor,
      );
    expect(loss([0, 0, 0, 0])).not.toBeCloseTo(loss([1, 1, 1, 1]), 5);
  });
});

describe("bad input", () => {
  it("is refused before the first step", () => {
    expect(() => model({ conditional: true }, points)).toThrow(/conditional must be false on data without labels/);
    expect(() => model({}, { kind: "tokens", shape: [8], vocabulary: 5 })).toThrow(/no gradient .* discrete tokens/);
    expect(() => model({}, image(17, 17, 1))).toThrow(
      /17x17 cannot be halved .*resize them, e.g. to 16x16, or set network to mlp/,
    );
    expect(() => model({}, image(4, 4, 1))).toThrow(/cannot be halved/);
    model({ network: "mlp" }, image(17, 17, 1));
    model({}, image(6, 6, 2));
  });

  const split = (size: number, value: (i: number, j: number) => number): Split => ({
    size,
    fields: { x: { shape: [2, 2, 1], dtype: "float32" } },
    gather: (indices) => ({
      x: hostTensor(
        Array.from(indices).flatMap((i) => [0, 1, 2, 3].map((j) => value(i, j))),
        [indices.length, 2, 2, 1],
      ),
    }),
  });

  it("a single image, constant images, copies of one image", () => {
    expect(() => checkData(split(1, (_i, j) => j))).toThrow(/at least 2 examples, got 1/);
    expect(() => checkData(split(500, () => 0.5))).toThrow(/256 of 500 looked at are the same, every value 0.5/);
    expect(() => checkData(split(5, (_i, j) => j))).toThrow(/5 of 5 looked at are the same; check/);
    checkData(split(500, (i, j) => (i === 499 - (499 % 2) ? j : i % 2)));
  });

  it("a label that is missing from a batch of a conditional model", () => {
    const conditional = model({ ...small, conditional: true }, { ...points, classes: 3 });
    const { params, state } = initial(conditional, { x: spread([4, 2]), label: tf.zeros([4], "int32") });
    expect(() => conditional.objectives[0]?.loss(params, state, { x: spread([4, 2]) }, context())).toThrow(
      /label must be given/,
    );
  });
});

describe("a diverging run", () => {
  it("stops with the guard's message, and the last good checkpoint stays", async () => {
    const engine = eager();
    const dataset = syntheticDataset(points);
    let gathered = 0;
    const spoiled: Split = {
      ...dataset.splits.train,
      gather(indices) {
        const { x } = dataset.splits.train.gather(indices) as { x: HostTensor };
        return { x: gathered++ < 9 ? x : hostTensor(x.data.map(() => Number.NaN) as Float32Array, x.shape) };
      },
    };
    const checkpoints = new MemoryCheckpointStore();
    const diverging = train({
      model: gan(small),
      data: {
        name: "spoiled",
        options: {},
        load: async () => ({ ...dataset, splits: { ...dataset.splits, train: spoiled } }),
      },
      engine,
      checkpoints,
      ...{ steps: 60, batchSize: 16, maxSkipped: 4, checkpointEvery: 5 },
    });
    await expect(diverging).rejects.toThrow(
      /training diverged: 4 updates in a row .* the checkpoint of step \d+ is intact/,
    );
    const { tensors } = await checkpoints.load("latest");
    const values = Object.values(tensors).flatMap((file) => [...file.values()].flatMap(({ data }) => [...data]));
    expect(values.length).toBeGreaterThan(0);
    expect(values.every(Number.isFinite)).toBe(true);
    await engine.dispose();
  });
});
