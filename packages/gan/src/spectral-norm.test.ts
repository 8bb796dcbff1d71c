import { flatten, type TensorTree } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { key, number, numbers, spread } from "../test/support.js";
import { spectralInit, spectralNormalize } from "./spectral-norm.js";

/** The largest singular value by many iterations in float64. */
function largestSingularValue(kernel: tf.Tensor): number {
  const out = kernel.shape[kernel.rank - 1] as number;
  const data = numbers(kernel);
  const rows = data.length / out;
  const at = (i: number, j: number) => data[i * out + j] as number;
  let u = Array.from({ length: out }, (_, j) => 1 + j / 7);
  let norm = 0;
  for (let t = 0; t < 500; t++) {
    const v = Array.from({ length: rows }, (_, i) => u.reduce((s, x, j) => s + at(i, j) * x, 0));
    u = u.map((_, j) => v.reduce((s, x, i) => s + at(i, j) * x, 0));
    norm = Math.sqrt(Math.hypot(...u));
    const length = Math.hypot(...u);
    u = u.map((x) => x / length);
  }
  return norm;
}

const params: TensorTree = {
  conv: { kernel: spread([3, 3, 2, 4]), bias: spread([4]) },
  head: { kernel: spread([6, 1], 2) },
};
const kernelOf = (tree: TensorTree, name: string) =>
  (tree as Record<string, Record<string, tf.Tensor>>)[name]?.kernel as tf.Tensor;

describe("spectral norm", () => {
  const vectors = spectralInit(key(0), params);
  const settled = Array.from({ length: 100 }).reduce<TensorTree>(
    (u) => spectralNormalize(params, u, { update: true }).vectors,
    vectors,
  );

  it("keeps a vector for every kernel and nothing else", () => {
    expect(flatten(vectors).map(([path, u]) => [path, u.shape])).toEqual([
      ["conv.kernel", [4]],
      ["head.kernel", [1]],
    ]);
  });

  it("makes the largest singular value 1, of kernels of any rank, and leaves biases", () => {
    const { params: used } = spectralNormalize(params, settled, { update: false });
    for (const name of ["conv", "head"]) {
      const sigma = largestSingularValue(kernelOf(params, name));
      const expected = numbers(kernelOf(params, name)).map((w) => w / sigma);
      numbers(kernelOf(used, name)).forEach((w, i) => {
        expect(w).toBeCloseTo(expected[i] as number, 4);
      });
    }
    expect((used as any).conv.bias).toBe((params as any).conv.bias);
  });

  it("is close from the first step on", () => {
    const { params: used } = spectralNormalize(params, vectors, { update: true });
    expect(Math.abs(largestSingularValue(kernelOf(used, "conv")) - 1)).toBeLessThan(0.05);
  });

  it("goes on with its iteration only when told to", () => {
    expect(flatten(spectralNormalize(params, vectors, { update: false }).vectors)).toEqual(flatten(vectors));
    const moved = spectralNormalize(params, vectors, { update: true }).vectors;
    expect(numbers(kernelOf(moved, "conv"))).not.toEqual(numbers(kernelOf(vectors, "conv")));
  });

  it("has a gradient through sigma: none along the kernel itself, and that of finite differences elsewhere", () => {
    const weights = spread([3, 3, 2, 4], 5);
    const f = (kernel: tf.Tensor) => {
      const { params: used } = spectralNormalize(
        { conv: { kernel } },
        { conv: { kernel: kernelOf(settled, "conv") } },
        { update: false },
      );
      return tf.sum(tf.mul(kernelOf(used, "conv"), weights));
    };
    const kernel = kernelOf(params, "conv");
    const gradient = tf.grad(f)(kernel);
    expect(number(tf.sum(tf.mul(gradient, kernel)))).toBeCloseTo(0, 3); // W / sigma(W) does not change with the length of W
    const direction = spread([3, 3, 2, 4], 9);
    // u is at its fixed point, where sigma's derivative through u is zero to first order
    const at = (h: number) => {
      const moved = tf.add(kernel, tf.mul(direction, h));
      return number(tf.sum(tf.mul(tf.div(moved, largestSingularValue(moved)), weights)));
    };
    const numeric = (8 * (at(0.02) - at(-0.02)) - (at(0.04) - at(-0.04))) / (12 * 0.02);
    expect(number(tf.sum(tf.mul(gradient, direction)))).toBeCloseTo(numeric, 2);
  });
});
