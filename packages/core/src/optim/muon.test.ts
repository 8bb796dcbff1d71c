import { flatten } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { adam } from "./adam.js";
import { muon, orthogonalize } from "./muon.js";

const matrix = (rows: number, columns: number, seed: number) =>
  tf.tensor(
    Array.from({ length: rows * columns }, (_, i) => Math.sin(seed * (i + 1) * (i + 2))),
    [rows, columns],
  );

/** Largest and smallest squared singular value of a small matrix, by power iteration on the gram matrix and its shift. */
function squaredSingularRange(x: tf.Tensor): [low: number, high: number] {
  const wide = (x.shape[0] as number) <= (x.shape[1] as number);
  const gram = tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D, !wide, wide);
  const largest = (m: tf.Tensor) => {
    let v: tf.Tensor = matrix(m.shape[0] as number, 1, 0.7);
    for (let i = 0; i < 200; i++) v = tf.div(tf.matMul(m, v), tf.sqrt(tf.sum(tf.square(tf.matMul(m, v)))));
    return tf.sum(tf.mul(v, tf.matMul(m, v))).dataSync()[0] as number;
  };
  const high = largest(gram);
  const shifted = tf.sub(tf.mul(tf.eye(gram.shape[0] as number), 2), gram);
  return [2 - largest(shifted), high];
}

describe("orthogonalize", () => {
  it.each([
    [4, 4],
    [3, 9],
    [9, 3],
  ])("brings the singular values of a %i x %i matrix near 1", (rows, columns) => {
    const [low, high] = squaredSingularRange(orthogonalize(matrix(rows, columns, 0.37)));
    expect(Math.sqrt(low)).toBeGreaterThan(0.6);
    expect(Math.sqrt(high)).toBeLessThan(1.25);
  });

  it("is the published iteration, step by step in float64", () => {
    const g = matrix(2, 2, 0.9).dataSync();
    const mul = (a: number[], b: number[]) => [
      a[0]! * b[0]! + a[1]! * b[2]!,
      a[0]! * b[1]! + a[1]! * b[3]!,
      a[2]! * b[0]! + a[3]! * b[2]!,
      a[2]! * b[1]! + a[3]! * b[3]!,
    ];
    const norm = Math.hypot(...g) + 1e-7;
    let x = [...g].map((v) => v / norm);
    for (let i = 0; i < 5; i++) {
      const a = mul(x, [x[0]!, x[2]!, x[1]!, x[3]!]);
      const aa = mul(a, a);
      const b = a.map((v, j) => -4.775 * v + 2.0315 * aa[j]!);
      const bx = mul(b, x);
      x = x.map((v, j) => 3.4445 * v + bx[j]!);
    }
    const ours = orthogonalize(matrix(2, 2, 0.9)).dataSync();
    for (let i = 0; i < 4; i++) expect(Math.abs(x[i]! - ours[i]!)).toBeLessThan(1e-5);
  });
});

describe("muon", () => {
  const params: any = {
    layers: [{ kernel: matrix(2, 8, 0.3), bias: tf.tensor([1, 2]) }],
    embedding: matrix(4, 2, 0.2),
    filter: tf.ones([1, 1, 2, 2]),
  };
  const grads: any = {
    layers: [{ kernel: matrix(2, 8, 0.5), bias: tf.tensor([1, -1]) }],
    embedding: matrix(4, 2, 0.8),
    filter: tf.ones([1, 1, 2, 2]),
  };
  const step = { step: tf.scalar(0, "int32") };

  it("keeps momentum for matrices and Adam's moments for the rest, at the parameters' paths", () => {
    const paths = flatten(muon().init(params)).map(([path]) => path);
    expect(paths.sort()).toEqual([
      "count",
      "m.embedding",
      "m.filter",
      "m.layers.0.bias",
      "momentum.layers.0.kernel",
      "v.embedding",
      "v.filter",
      "v.layers.0.bias",
    ]);
  });

  it("moves a matrix along the orthogonalised momentum and the rest as Adam does", () => {
    const optimizer = muon({ learningRate: 0.1, weightDecay: 0.5, adam: { learningRate: 0.01 } });
    const next = optimizer.step(params, grads, optimizer.init(params), step) as any;
    const expected = tf.sub(
      tf.mul(params.layers[0].kernel, 0.95),
      tf.mul(orthogonalize(grads.layers[0].kernel), 0.1 * 2),
    ); // sqrt(8 / 2) = 2
    const distance = tf.max(tf.abs(tf.sub(next.params.layers[0].kernel, expected))).dataSync()[0];
    expect(distance).toBeLessThan(1e-5);
    expect(Array.isArray(next.params.layers)).toBe(true);
    const rule = adam({ learningRate: 0.01, beta2: 0.95, epsilon: 1e-10 });
    const only = { embedding: params.embedding };
    const byAdam = rule.step(only, { embedding: grads.embedding }, rule.init(only), step) as any;
    expect([...next.params.embedding.dataSync()]).toEqual([...byAdam.params.embedding.dataSync()]);
  });
});
