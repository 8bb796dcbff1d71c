import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import "./repair-cpu.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

const SIZES: Record<string, number> = { i: 2, j: 3, k: 4, l: 5 };

/** Every assignment of the labels, in row-major order. */
function* indices(labels: readonly string[], fixed: Record<string, number> = {}): Generator<Record<string, number>> {
  const [first, ...rest] = labels;
  if (first === undefined) return yield fixed;
  for (let v = 0; v < (SIZES[first] as number); v++) yield* indices(rest, { ...fixed, [first]: v });
}

const flat = (term: string, at: Record<string, number>): number =>
  [...term].reduce((n, c) => n * (SIZES[c] as number) + (at[c] as number), 0);

function einsumByLoops(equation: string, operands: readonly tf.Tensor[]): number[] {
  const [terms = "", output = ""] = equation.split("->");
  const names = terms.split(",");
  const values = operands.map((t) => t.dataSync());
  const result = new Array<number>(
    flat(output, Object.fromEntries([...output].map((c) => [c, (SIZES[c] as number) - 1]))) + 1,
  ).fill(0);
  for (const at of indices([...new Set(names.join(""))])) {
    const product = names.reduce((p, term, i) => p * (values[i]?.[flat(term, at)] as number), 1);
    result[flat(output, at)] = (result[flat(output, at)] as number) + product;
  }
  return result;
}

describe("the cpu backend as a reference", () => {
  const equations = [
    ...[
      "ij,jk->ik",
      "ij,j->",
      "ij,k->ik",
      "ij,k->k",
      "ij,jk->k",
      "ij,jk->",
      "i,j->",
      "i,j->ij",
      "ij,kl->il",
      "ij,j->j",
      "ij,ij->j",
    ],
    ...[
      "ij,kj->k",
      "ijk,k->i",
      "ijk,jl->il",
      "ijk,jk->i",
      "ijk,kji->",
      "ikj,ikl->ijl",
      "ij->j",
      "ijk->j",
      "ijk->ki",
      "ij->",
    ],
  ];
  it.each(equations)("einsum %s", (equation) => {
    const operands = (equation.split("->")[0] as string).split(",").map((term, seed) => {
      const shape = [...term].map((c) => SIZES[c] as number);
      return tf.cos(tf.reshape(tf.range(seed, seed + tf.util.sizeFromShape(shape)), shape));
    });
    const expected = einsumByLoops(equation, operands);
    const actual = [...tf.einsum(equation, ...operands).dataSync()];
    expect(actual.length).toBe(expected.length);
    actual.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, 4);
    });
  });

  it.each([
    [
      [2, 3],
      [2, 1],
    ],
    [
      [2, 1],
      [1, 3],
    ],
    [[2, 3], [3]],
    [[2, 3], []],
    [
      [1, 3],
      [2, 3],
    ],
    [
      [2, 1, 2],
      [3, 1],
    ],
  ])("matMul broadcasts batches %j and %j", (left, right) => {
    const a = tf.cos(tf.reshape(tf.range(0, tf.util.sizeFromShape(left) * 6), [...left, 3, 2]));
    const b = tf.sin(tf.reshape(tf.range(0, tf.util.sizeFromShape(right) * 8), [...right, 2, 4]));
    const product = tf.matMul(a, b);
    const bySum = tf.sum(tf.mul(tf.expandDims(a, -1), tf.expandDims(b, -3)), -2);
    expect(product.shape).toEqual(bySum.shape);
    expect(tf.max(tf.abs(tf.sub(product, bySum))).dataSync()[0]).toBeLessThan(1e-5);
  });

  it("stridedSlice with strides drops axes and adds them", () => {
    const x = tf.reshape(tf.range(0, 120), [4, 5, 6]);
    const dropped = tf.stridedSlice(x, [1, 2, 5], [2, 3, 0], [1, 1, -2], 0, 0, 0, 0, 2);
    expect(dropped.arraySync()).toEqual([[47, 45, 43]]);
    const added = tf.stridedSlice(x, [0, 0, 1], [3, 0, 2], [2, 1, 1], 0, 0, 0, 2, 0);
    expect(added.shape).toEqual([2, 1, 1, 6]);
    expect(added.arraySync()).toEqual(tf.expandDims(tf.stridedSlice(x, [0, 1], [3, 2], [2, 1]), 1).arraySync());
  });

  it("tensorScatterUpdate leaves its input alone, cumsum counts axes from the end", () => {
    const x = tf.tensor1d([1, 2, 3]);
    expect(tf.tensorScatterUpdate(x, tf.tensor2d([[1]], [1, 1], "int32"), tf.tensor1d([9])).arraySync()).toEqual([
      1, 9, 3,
    ]);
    expect(x.arraySync()).toEqual([1, 2, 3]);
    expect(tf.cumsum(tf.ones([2, 3]), -2).arraySync()).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
  });

  it("leaves no values behind", () => {
    const before = tf.memory();
    tf.tidy(() => {
      tf.matMul(tf.ones([2, 3, 2, 2]), tf.ones([2, 1, 2, 2]));
      tf.einsum("ij,kj->k", tf.ones([2, 3]), tf.ones([4, 3]));
      tf.tensorScatterUpdate(tf.ones([3]), tf.tensor2d([[1]], [1, 1], "int32"), tf.tensor1d([9]));
    });
    expect(tf.memory().numBytes).toBe(before.numBytes);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
  });
});
