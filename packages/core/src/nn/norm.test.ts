import "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  batchNorm,
  batchNormInit,
  groupNorm,
  groupNormInit,
  layerNorm,
  layerNormInit,
  rmsNorm,
  rmsNormInit,
} from "./norm.js";

const numbers = (t: tf.Tensor) => [...t.dataSync()];
const close = (values: readonly number[], digits = 5) => values.map((v) => expect.closeTo(v, digits));
const ROWS = [
  [1, 2, 4, 9],
  [-3, 0, 5, 5],
];
const x = tf.tensor2d(ROWS);
const affine = { scale: tf.tensor1d([1, 2, 3, 4]), offset: tf.tensor1d([0.5, 0, -0.5, 1]) };

/** Normalises a list in float64. */
function standardize(row: readonly number[], epsilon = 1e-5): number[] {
  const mean = row.reduce((a, b) => a + b, 0) / row.length;
  const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
  return row.map((v) => (v - mean) / Math.sqrt(variance + epsilon));
}

const scaled = (row: readonly number[]) => row.map((v, i) => v * (i + 1) + ([0.5, 0, -0.5, 1][i] as number));

describe("norms without state", () => {
  it("layerNorm", () => {
    expect(numbers(layerNorm(affine, x))).toEqual(close(ROWS.flatMap((row) => scaled(standardize(row)))));
    expect(numbers(layerNorm(layerNormInit(4), x))).toEqual(close(ROWS.flatMap((row) => standardize(row))));
  });

  it("groupNorm: statistics over positions and the channels of a group", () => {
    const image = tf.reshape(x, [1, 1, 2, 4]); // two positions, four channels
    const groups = [0, 1].map((g) => standardize(ROWS.flatMap((row) => row.slice(2 * g, 2 * g + 2))));
    const expected = [0, 1].flatMap((p) => groups.flatMap((g) => g.slice(2 * p, 2 * p + 2)));
    expect(numbers(groupNorm(groupNormInit(4), image, 2))).toEqual(close(expected));
    expect(() => groupNorm(groupNormInit(4), image, 3)).toThrow("4 channels do not divide into 3 groups");
  });

  it("rmsNorm", () => {
    const expected = ROWS.flatMap((row) => {
      const rms = Math.sqrt(row.reduce((a, b) => a + b * b, 0) / 4 + 1e-6);
      return row.map((v, i) => (v / rms) * (i + 1));
    });
    expect(numbers(rmsNorm({ scale: affine.scale }, x))).toEqual(close(expected));
    expect(rmsNormInit(3).scale.shape).toEqual([3]);
  });
});

describe("batchNorm", () => {
  const columns = [0, 1, 2, 3].map((c) => ROWS.map((row) => row[c] as number));
  const { params, state } = batchNormInit(4);

  it("normalises by the batch and blends the unbiased variance into the state", () => {
    const { y, state: next } = batchNorm(affine, state, x, { training: true, decay: 0.9 });
    const hats = columns.map((column) => standardize(column));
    expect(numbers(y)).toEqual(close([0, 1].flatMap((b) => scaled(hats.map((hat) => hat[b] as number)))));
    const means = columns.map(([a, b]) => ((a as number) + (b as number)) / 2);
    const unbiased = columns.map(([a, b]) => ((a as number) - (b as number)) ** 2 / 2);
    expect(numbers(next.mean)).toEqual(close(means.map((m) => 0.1 * m)));
    expect(numbers(next.variance)).toEqual(close(unbiased.map((v) => 0.9 + 0.1 * v)));
  });

  it("running statistics converge to those of the data, and are what test time uses", () => {
    let running = state;
    for (let i = 0; i < 150; i++) running = batchNorm(params, running, x, { training: true }).state;
    const { y, state: same } = batchNorm(params, running, tf.tensor2d([[1, 2, 3, 4]]), { training: false });
    expect(same).toBe(running);
    const expected = columns.map(([a, b], c) => {
      const mean = ((a as number) + (b as number)) / 2;
      return (c + 1 - mean) / Math.sqrt(((a as number) - (b as number)) ** 2 / 2 + 1e-5);
    });
    expect(numbers(y)).toEqual(close(expected, 3));
  });

  it("works on images and a batch of one", () => {
    const image = batchNorm(params, state, tf.ones([2, 3, 3, 4]), { training: true });
    expect(image.y.shape).toEqual([2, 3, 3, 4]);
    const one = batchNorm(params, state, tf.ones([1, 4]), { training: true });
    for (const t of [one.y, one.state.mean, one.state.variance]) expect(numbers(t).every(Number.isFinite)).toBe(true);
  });

  it("gradients agree with finite differences and none flow through the state", () => {
    const input = tf.tensor2d([
      [0.3, -1, 2, 0.5],
      [1, 0.2, -0.4, 2],
      [-0.7, 0.9, 0.1, -1],
    ]);
    const weights = tf.tensor2d([
      [1, 2, -1, 0.5],
      [0.3, -2, 1, 1],
      [2, 1, 0.2, -1],
    ]);
    const f = (t: tf.Tensor) => tf.sum(tf.mul(batchNorm(affine, state, t, { training: true }).y, weights)) as tf.Scalar;
    const gradient = numbers(tf.grad(f)(input));
    const values = numbers(input);
    for (let i = 0; i < values.length; i++) {
      const at = (h: number) =>
        numbers(
          f(
            tf.tensor2d(
              values.map((v, j) => (j === i ? v + h : v)),
              [3, 4],
            ),
          ),
        )[0] as number;
      const slope = (at(1e-2) - at(-1e-2)) / 2e-2;
      expect(Math.abs((gradient[i] as number) - slope)).toBeLessThan(0.02 * (1 + Math.abs(slope)));
    }
    const throughState = tf.grad((t: tf.Tensor) => {
      const { y, state: next } = batchNorm(params, state, t, { training: true });
      return tf.add(tf.sum(next.mean), tf.mul(tf.sum(y), 0)) as tf.Scalar;
    })(input);
    expect(Math.max(...numbers(throughState).map(Math.abs))).toBe(0);
  });
});
