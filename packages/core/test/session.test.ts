import { type Engine, eager, hostTensor, type Key, normal } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { GenerativeModel, MetricScan, Sampling } from "../src/model.js";
import { modelSpecs } from "../src/model-specs.js";
import { Session } from "../src/session.js";
import { syntheticDataset } from "../src/testing/synthetic.js";

const datum = { kind: "continuous" as const, shape: [2], classes: 3 };
const dataset = syntheticDataset(datum, { size: 10 });

/** Counts: after `steps` steps a sample is its start plus `steps` times the shift, plus its label. */
function counting(steps: number): GenerativeModel<{ shift: tf.Tensor }, object> {
  const sampling: Sampling = {
    steps,
    start: ({ shift }, _state, key: Key, { n, label }) => ({
      x: tf.add(tf.mul(shift, 0), normal(key, [n, 2])),
      offset: label === undefined ? tf.zeros([n, 1]) : tf.reshape(tf.cast(label, "float32"), [n, 1]),
      visited: tf.zeros([]),
    }),
    step: ({ shift }, _state, { x, offset, visited }, i, _key) => ({
      x: tf.add(x, shift),
      offset,
      visited: tf.add(visited, tf.cast(i, "float32")),
    }),
    finish: (_params, _state, { x, offset, visited }) => tf.add(tf.add(x, offset), tf.mul(visited, 0)),
  };
  return {
    datum,
    init: () => ({ params: { shift: tf.scalar(10) }, state: {} }),
    objectives: [],
    sampling: () => sampling,
    latent: {
      shape: [2],
      encode: ({ shift }, _state, { x }) => tf.sub(x, shift),
      decode: ({ shift }, _state, z) => tf.add(z, shift),
    },
  };
}

/** Lists the numbers of its steps; the list has room for two at first, then for three, then for all five. */
function listing(): GenerativeModel<{ shift: tf.Tensor }, object> {
  const grow = (room: number) => (carry: { x: tf.Tensor }) => {
    const x = tf.pad(carry.x, [
      [0, 0],
      [0, room - (carry.x.shape[1] as number)],
    ]);
    return { ...carry, x };
  };
  const sampling: Sampling = {
    steps: 5,
    growth: [
      { at: 2, grow: grow(3) },
      { at: 3, grow: grow(5) },
    ],
    start: (_params, _state, key: Key, { n }) => ({ x: tf.zeros([n, 2]), first: normal(key, [n, 1]) }),
    step: (_params, _state, { x, first }, i) => {
      const here = tf.oneHot(tf.reshape(i, [1]) as tf.Tensor1D, x.shape[1] as number);
      return { x: tf.add(x, tf.mul(here, tf.cast(tf.add(i, 1), "float32"))), first };
    },
    finish: (_params, _state, { x, first }) => tf.concat([first, grow(5)({ x }).x], 1),
  };
  return { ...counting(0), sampling: () => sampling };
}

async function open(steps: number, engine: Engine = eager(), model = counting(steps)): Promise<Session> {
  const store = engine.createStore();
  await store.write([["params.shift", hostTensor([10], [])]]);
  return new Session(model, engine, store, modelSpecs(model, dataset.splits.train, 2), "params");
}

describe("Session", () => {
  it("runs the scan and leaves no carry in the store", async () => {
    const session = await open(3);
    const start = await (await open(0)).sample({ n: 4, seed: 5 });
    const end = await session.sample({ n: 4, seed: 5 });
    end.data.forEach((value, i) => {
      expect(value).toBeCloseTo((start.data[i] as number) + 30, 4);
    });
    expect([...session.store.specs().keys()]).toEqual(["params.shift"]);
  });

  it("tells what each call took; preparing draws nothing and changes no sample; the first call's are those of a smaller request", async () => {
    const session = await open(3);
    const calls: number[] = [];
    await session.prepare({ n: 600, seed: 5 });
    const many = await session.sample({ n: 600, seed: 5 }, (samples, seconds) => {
      expect(seconds).toBeGreaterThan(0);
      calls.push(samples);
    });
    expect(calls).toEqual([256, 256, 256]);
    const few = await (await open(3)).sample({ n: 256, seed: 5 });
    expect(many.data.slice(0, 512)).toEqual(few.data);
    expect([...session.store.specs().keys()]).toEqual(["params.shift"]);
  });

  it("lets the carry grow where the sampler says so, in every call and every stream, and frees the smaller ones", async () => {
    const session = await open(0, eager(), listing());
    const { data, shape } = await session.sample({ n: 300 });
    expect(shape).toEqual([300, 6]);
    const rows = Array.from({ length: 300 }, (_, i) => [...data.slice(6 * i, 6 * i + 6)]);
    expect(rows.every(([, ...list]) => String(list) === "1,2,3,4,5")).toBe(true);
    expect(new Set(rows.map(([first]) => first)).size).toBe(300);
    const frames = [];
    for await (const { x } of session.sampleStream({ n: 1 })) frames.push([...x.data.slice(1)].filter(Boolean).length);
    expect(frames).toEqual([0, 1, 2, 3, 4, 5]);
    const stream = session.sampleStream({ n: 1 })[Symbol.asyncIterator]();
    for (let step = 0; step <= 3; step++) await stream.next();
    const carries = [...session.store.specs()].filter(([path]) => path.endsWith(".x"));
    expect(carries.map(([, { shape }]) => shape)).toEqual([[1, 3]]);
    await stream.return?.();
    expect([...session.store.specs().keys()]).toEqual(["params.shift"]);
  });

  it("measures every example by a scan, in batches whose last one is short, and leaves no carry", async () => {
    const session = await open(0);
    const scan: MetricScan<{ shift: tf.Tensor }, object, { x: tf.Tensor; sum: tf.Tensor }> = {
      steps: 4,
      start: ({ shift }, _state, { x }) => ({ x, sum: tf.mul(shift, tf.ones([x.shape[0] as number])) }),
      step: (_params, _state, { x, sum }, i) => ({ x, sum: tf.add(sum, tf.cast(i, "float32")) }),
      finish: (_params, _state, { x, sum }) => tf.add(tf.sum(x, 1), sum),
    };
    const { data, shape } = await session.perExampleScan(scan, dataset.splits.test, { batchSize: 4 });
    expect(shape).toEqual([10]);
    const { x } = dataset.splits.test.gather([...Array(10).keys()]);
    data.forEach((value, i) => {
      const sum = (x?.data[2 * i] as number) + (x?.data[2 * i + 1] as number);
      expect(value).toBeCloseTo(sum + 10 + 0 + 1 + 2 + 3, 4);
    });
    expect([...session.store.specs().keys()]).toEqual(["params.shift"]);
    expect((await session.perExampleScan(scan, dataset.splits.test, { limit: 3 })).shape).toEqual([3]);
  });

  it("streams every step, the last one being the sample", async () => {
    const session = await open(3);
    const frames = [];
    for await (const frame of session.sampleStream({ n: 2, seed: 1 })) frames.push(frame);
    expect(frames.map(({ step, steps }) => `${step}/${steps}`)).toEqual(["0/3", "1/3", "2/3", "3/3"]);
    expect(frames.at(-1)?.x).toEqual(await session.sample({ n: 2, seed: 1 }));
  });

  it("cleans up when a stream is left early", async () => {
    const session = await open(3);
    for await (const _frame of session.sampleStream({ n: 2 })) break;
    expect([...session.store.specs().keys()]).toEqual(["params.shift"]);
  });

  it("draws more than one call's worth, all different", async () => {
    const { shape, data } = await (await open(0)).sample({ n: 300 });
    expect(shape).toEqual([300, 2]);
    expect(new Set(data).size).toBeGreaterThan(590);
  });

  it("passes labels on and refuses bad ones", async () => {
    const session = await open(0);
    const plain = await session.sample({ n: 3, seed: 2 });
    const labelled = await session.sample({ n: 3, seed: 2, label: [0, 1, 2] });
    expect((labelled.data[4] as number) - (plain.data[4] as number)).toBeCloseTo(2, 5);
    await expect(session.sample({ n: 3, label: 3 })).rejects.toThrow("label must be a whole number from 0 to 2, got 3");
    await expect(session.sample({ n: 3, label: [0, 1] })).rejects.toThrow("2 labels were given for n = 3");
    await expect(session.sample({ n: 0 })).rejects.toThrow("n must be a whole number from 1, got 0");
  });

  it("encodes a split whose size is no multiple of the batch, and decodes back", async () => {
    const session = await open(0);
    const { x } = dataset.splits.test.gather([...Array(10).keys()]);
    const z = await session.encode(dataset.splits.test, { batchSize: 4 });
    expect(z.shape).toEqual([10, 2]);
    const back = await session.decode(z);
    back.data.forEach((value, i) => {
      expect(value).toBeCloseTo(x?.data[i] as number, 5);
    });
  });
});
