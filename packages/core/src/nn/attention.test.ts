import { flatten, type Key, unflatten } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { type AttentionParams, multiHeadAttention, multiHeadAttentionInit } from "./attention.js";

const key = (a: number): Key => tf.tensor1d([a, 3], "int32");
const numbers = (t: tf.Tensor) => [...t.dataSync()];
const wave = (shape: number[], seed = 1) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => Math.sin(seed * (i + 1) * 0.7)),
    shape,
  );
};

type Rows = number[][];
const times = (a: Rows, b: Rows): Rows =>
  a.map((row) => (b[0] as number[]).map((_, j) => row.reduce((s, v, k) => s + v * (b[k] as number[])[j]!, 0)));

/** One example in float64, head by head as the paper writes it. */
function reference(params: AttentionParams, x: Rows, context: Rows, heads: number, causal: boolean): Rows {
  const kernel = (name: keyof AttentionParams) => params[name].kernel.arraySync() as Rows;
  const width = (x[0] as number[]).length / heads;
  const part = (rows: Rows, h: number) => rows.map((row) => row.slice(h * width, (h + 1) * width));
  const [Q, K, V] = [times(x, kernel("query")), times(context, kernel("key")), times(context, kernel("value"))];
  const outputs = Array.from({ length: heads }, (_, h) => {
    const [q, k, v] = [part(Q, h), part(K, h), part(V, h)];
    return q.map((row, t) => {
      const scores = k.map((other, s) =>
        causal && s > t ? 0 : Math.exp(row.reduce((sum, a, i) => sum + a * other[i]!, 0) / Math.sqrt(width)),
      );
      const total = scores.reduce((a, b) => a + b, 0);
      return Array.from({ length: width }, (_, i) => scores.reduce((sum, p, s) => sum + (p / total) * v[s]![i]!, 0));
    });
  });
  return times(
    x.map((_, t) => outputs.flatMap((head) => head[t] as number[])),
    kernel("output"),
  );
}

describe("multiHeadAttention", () => {
  const params = multiHeadAttentionInit(key(1), 6);
  const x = wave([2, 4, 6]);

  it.each([
    [1, false],
    [3, false],
    [2, true],
  ])("with %i heads, causal %s, against the definition in float64", (heads, causal) => {
    const y = multiHeadAttention(params, x, heads, { causal });
    expect(y.shape).toEqual([2, 4, 6]);
    const expected = (x.arraySync() as Rows[]).flatMap((rows) => reference(params, rows, rows, heads, causal).flat());
    const error = Math.max(...numbers(y).map((v, i) => Math.abs(v - (expected[i] as number))));
    expect(error).toBeLessThan(1e-5);
  });

  it("attends to a context of another length and width", () => {
    const cross = multiHeadAttentionInit(key(2), 6, { contextFeatures: 3 });
    const context = wave([2, 5, 3], 2);
    const y = multiHeadAttention(cross, x, 2, { context });
    const contexts = context.arraySync() as Rows[];
    const expected = (x.arraySync() as Rows[]).flatMap((rows, b) =>
      reference(cross, rows, contexts[b] as Rows, 2, false).flat(),
    );
    expect(Math.max(...numbers(y).map((v, i) => Math.abs(v - (expected[i] as number))))).toBeLessThan(1e-5);
  });

  it("causal: a position does not change with later ones; a bias hides positions in the same way", () => {
    const later = tf.concat([tf.slice(x, [0, 0, 0], [2, 2, 6]), wave([2, 2, 6], 9)], 1);
    const head = (t: tf.Tensor) => numbers(tf.slice(t, [0, 0, 0], [2, 2, 6]));
    expect(head(multiHeadAttention(params, later, 2, { causal: true }))).toEqual(
      head(multiHeadAttention(params, x, 2, { causal: true })),
    );
    const bias = tf.tensor([0, 0, -1e9, -1e9], [1, 1, 1, 4]);
    const hidden = numbers(multiHeadAttention(params, x, 2, { bias }));
    const shorter = numbers(multiHeadAttention(params, x, 2, { context: tf.slice(x, [0, 0, 0], [2, 2, 6]) }));
    expect(hidden).toEqual(shorter.map((v) => expect.closeTo(v, 5)));
  });

  it("gradients reach every projection", () => {
    const leaves = flatten(params as never) as [string, tf.Tensor][];
    const f = (...tensors: tf.Tensor[]) => {
      const rebuilt = unflatten(
        leaves.map(([path], i) => [path, tensors[i] as tf.Tensor] as const),
      ) as unknown as AttentionParams;
      return tf.sum(tf.square(multiHeadAttention(rebuilt, x, 2, { causal: true }))) as tf.Scalar;
    };
    const grads = tf.grads(f)(leaves.map(([, t]) => t));
    expect(grads).toHaveLength(8);
    for (const [i, g] of grads.entries()) {
      if (leaves[i]?.[0] === "key.bias") continue; // shifts all scores of a query alike: its gradient is 0
      expect(Math.max(...numbers(g).map(Math.abs))).toBeGreaterThan(1e-4);
    }
  });

  it("refuses heads that do not divide the width", () => {
    expect(() => multiHeadAttention(params, x, 4)).toThrow("@latentkit/core: heads must divide the width 6, got 4");
  });
});
