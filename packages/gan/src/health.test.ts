import { fold, type HostTensor, hostTensor, type MetricResult, type ModelMetric, normal } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { initial, key, model, points } from "../test/support.js";
import type { GanOptions } from "./config.js";
import type { GanParams, GanState } from "./players.js";

const B = 250;
const datum = { ...points, classes: 4 };
/** Normal points, labelled by quadrant. */
const x = normal(fold(key(3), "data"), [B, 2]);
const [right, up] = tf.split(tf.cast(tf.greater(x, 0), "int32"), 2, 1) as [tf.Tensor, tf.Tensor];
const label = tf.reshape(tf.add(right, tf.mul(up, tf.scalar(2, "int32"))), [B]);
const batch = { x, label };

/** A generator without hidden layers gives `W z + b` in standardised units. */
function measure(options: GanOptions, kernel: number[][], name: string, head?: number) {
  const gan = model({ latentDim: 2, hidden: [], frequencies: 0, ...options }, datum);
  const { params, state } = initial(gan, batch);
  const linear = { output: { kernel: tf.tensor2d(kernel), bias: tf.zeros([2]) } };
  const discriminator =
    head === undefined
      ? params.discriminator
      : { body: {}, head: { kernel: tf.tensor2d([[head], [0]]), bias: tf.zeros([1]) } };
  const metric = gan.metrics?.[name] as ModelMetric<GanParams, GanState>;
  const values = metric.perExample({ generator: linear, discriminator }, state, batch, key(1));
  const host: HostTensor = hostTensor(Float32Array.from(values.dataSync()), values.shape);
  return metric.aggregate?.(host) ?? { value: Array.from(host.data).reduce((a, b) => a + b, 0) / B, stderr: 0, n: B };
}

const SAME = [
  [1, 0],
  [0, 1],
];
const scaled = (s: number) => SAME.map((row) => row.map((v) => v * s));
const LINE = [
  [1, 0],
  [0, 0],
];

describe("variety of samples", () => {
  it("is 1 for samples distributed like the data, and scales with them", () => {
    const { value, stderr, n } = measure({}, SAME, "diversity");
    expect(n).toBe(B);
    expect(Math.abs(value - 1)).toBeLessThan(4 * stderr + 0.02);
    expect(measure({}, scaled(0.25), "diversity").value).toBeCloseTo(value / 4, 3);
    expect(measure({}, scaled(0), "diversity").value).toBeCloseTo(0, 3);
  });

  it("looks at neighbours too: many copies in few places are near each other though far apart on average", () => {
    expect(Math.abs(measure({}, SAME, "nearestNeighbor").value - 1)).toBeLessThan(0.2);
    expect(measure({}, LINE, "nearestNeighbor").value).toBeLessThan(0.4);
    expect(measure({}, LINE, "diversity").value).toBeGreaterThan(0.5);
  });
});

describe("success of the discriminator", () => {
  it("is measured against the loss's own boundary", () => {
    // D = a x1, samples at the origin: logits 0; half of the data have logits above 0
    const hinge: GanOptions = { loss: "hinge", norm: "none", penalty: { name: "none" } };
    const share = x.dataSync().filter((v, i) => i % 2 === 0 && v > 0).length / B;
    expect(measure(hinge, scaled(0), "discriminatorReal", 1).value).toBeCloseTo(share, 5);
    expect(measure(hinge, scaled(0), "discriminatorFake", 1).value).toBeCloseTo(0, 1);
  });

  it("is measured against the middle between the means where only differences of logits matter", () => {
    // samples at twice the deviation have the same mean: about half on either side
    expect(measure({}, scaled(2), "discriminatorFake", 1).value).toBeGreaterThan(0.3);
    expect(measure({}, scaled(2), "discriminatorFake", 1).value).toBeLessThan(0.7);
  });
});

describe("diagnosis", () => {
  const result = (value: number) => ({ value, stderr: 0, n: 1000, unit: "" });
  const healthy = { discriminatorReal: 0.7, discriminatorFake: 0.75, diversity: 0.95, nearestNeighbor: 0.9, modes: 4 };
  const diagnose = (options: GanOptions, changes: Partial<typeof healthy>) => {
    const results = Object.entries({ ...healthy, ...changes }).map(([name, value]): [string, MetricResult] => [
      name,
      name === "modes"
        ? { ...result(value), note: "classes by mnist-cnn", realVsReal: { value: 4, stderr: 0 } }
        : result(value),
    ]);
    return model(options, datum).diagnose?.(Object.fromEntries(results)) as string[];
  };
  const tutorial: GanOptions = { loss: "minimax", norm: "none", penalty: { name: "none" } };
  const sure = { discriminatorReal: 1, discriminatorFake: 1 };

  it("finds nothing wrong with a healthy run", () => {
    expect(diagnose({}, {})).toEqual([]);
    expect(model({}, datum).diagnose?.({})).toEqual([]); // nothing measured
  });

  it("names the signs of a collapse and what to try", () => {
    const [warning = "", ...more] = diagnose(tutorial, { ...sure, diversity: 0.12, nearestNeighbor: 0.01, modes: 1 });
    expect(more).toEqual([]);
    expect(warning).toMatch(/the generator collapses: samples are 12 % as varied as the data/);
    expect(warning).toMatch(
      /samples repeat .* 1 % .* samples cover 1 classes where real data cover 4 \(classes by mnist-cnn\)/,
    );
    expect(warning).toMatch(/right on 100 % of real and 100 % of generated data; try loss=non-saturating/);
    expect(warning).toMatch(/learningRate/);
  });

  it("takes missing classes for a collapse as long as the discriminator errs", () => {
    expect(diagnose({}, { modes: 2 })).toEqual([expect.stringMatching(/the generator collapses: samples cover 2 /)]);
  });

  it("tells a discriminator that is too strong from a collapse", () => {
    expect(diagnose(tutorial, { discriminatorReal: 0.995, discriminatorFake: 1 })).toEqual([
      expect.stringMatching(/^the discriminator is too strong: .* 100 % .* minimax has no gradient .* no collapse/),
    ]);
    expect(diagnose({}, { ...sure, modes: 2 })).toEqual([
      expect.stringMatching(/^the discriminator is too strong: .*samples cover 2 classes where real data cover 4/),
    ]);
  });

  it("takes no offence at a strong discriminator whose generator still gets a gradient", () => {
    expect(diagnose({}, sure)).toEqual([]);
  });

  it("advises what the game allows", () => {
    const collapsed = { diversity: 0.1 };
    expect(diagnose({ preset: "r3gan", penalty: { name: "r1r2", gamma: 1 } }, collapsed)[0]).toMatch(
      /a larger penalty.gamma \(now 1\)/,
    );
    expect(diagnose({ preset: "dcgan" }, collapsed)[0]).toMatch(/norm=none with penalty=r1/);
  });
});
