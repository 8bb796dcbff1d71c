import type { Graph, ProgramFunction, TensorSpec } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { kernelCounts, largestDifference, runGraph, traced } from "../../test/run-graph.js";
import { sumByProduct } from "./sum-by-product.js";

const tensor = (...shape: number[]): TensorSpec => ({ shape, dtype: "float32" });

function reduction(op: typeof tf.sum, shape: number[], axes: number[], keepDims = false): Graph {
  const f: ProgramFunction = (_state, { x }) => ({ outputs: { y: op(tf.square(x as tf.Tensor), axes, keepDims) } });
  return traced(f, { x: tensor(...shape) });
}

describe("sumByProduct", () => {
  it.each<[string, typeof tf.sum, number[], number[], boolean?]>([
    ["a sum over positions", tf.sum, [8, 16, 17, 32], [1, 2]],
    ["a mean over positions", tf.mean, [8, 16, 17, 32], [1, 2]],
    ["a mean over rows", tf.mean, [32, 64, 32], [1]],
    ["a sum over all but channels", tf.sum, [8, 16, 17, 32], [0, 1, 2]],
    ["a mean over all but channels", tf.mean, [8, 16, 17, 32], [0, 1, 2]],
    ["kept dimensions", tf.mean, [8, 16, 17, 32], [0, 1, 2], true],
    ["kept dimensions of positions", tf.sum, [8, 16, 17, 32], [1, 2], true],
  ])("computes %s as a product with ones", async (_name, op, shape, axes, keepDims) => {
    const before = reduction(op, shape, axes, keepDims);
    const after = sumByProduct(before);
    expect(kernelCounts(after).BatchMatMul).toBe(1);
    expect(largestDifference(await runGraph(after), await runGraph(before))).toBeLessThan(1e-5);
  });

  it.each<[string, number[], number[]]>([
    ["small tensors", [4, 16, 16, 32], [1, 2]],
    ["few positions", [256, 4, 4, 32], [1, 2]],
    ["matrices", [4096, 32], [0]],
    ["a sum over channels", [8, 16, 17, 32], [3]],
    ["a sum of everything", [8, 16, 17, 32], [0, 1, 2, 3]],
    ["a sum over some positions", [8, 16, 17, 32], [1]],
  ])("leaves %s alone", (_name, shape, axes) => {
    const before = reduction(tf.sum, shape, axes);
    expect(sumByProduct(before).nodes).toEqual(before.nodes);
  });
});
