import type { Graph, ProgramFunction, TensorSpec } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { kernelCounts, largestDifference, runGraph, traced } from "../../test/run-graph.js";
import { mergeUpsampling } from "./merge-upsampling.js";

const tensor = (...shape: number[]): TensorSpec => ({ shape, dtype: "float32" });

interface Case {
  readonly factor?: number;
  readonly window?: readonly [number, number];
  readonly size?: readonly [number, number];
  readonly stride?: number;
  readonly corners?: boolean;
}

const [N, FROM, TO] = [8, 3, 4];

/** An upsampling and a convolution, with the gradients for image and filter. */
function upsampled({ factor = 2, window = [3, 3], size = [12, 14], stride = 1, corners = false }: Case): Graph {
  const large = size.map((n) => n * factor) as [number, number];
  const y = (x: tf.Tensor, filter: tf.Tensor) =>
    tf.conv2d(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, large, corners), filter as tf.Tensor4D, stride, "same");
  const f: ProgramFunction = (_state, inputs) => {
    const { x, filter, weights } = inputs as { x: tf.Tensor; filter: tf.Tensor; weights: tf.Tensor };
    const loss = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.mul(tf.square(y(a, b)), weights));
    const [dx, dFilter] = tf.grads(loss)([x, filter]);
    return { outputs: { y: y(x, filter), dx: dx as tf.Tensor, dFilter: dFilter as tf.Tensor } };
  };
  const out = large.map((n) => Math.ceil(n / stride));
  return traced(f, {
    x: tensor(N, ...size, FROM),
    filter: tensor(...window, FROM, TO),
    weights: tensor(N, ...out, TO),
  });
}

describe("mergeUpsampling", () => {
  it.each<Case>([{}, { window: [5, 3] }, { factor: 3 }, { factor: 4, window: [3, 7] }])(
    "computes the convolution and both gradients from the small image: %j",
    async (one) => {
      const before = upsampled(one);
      const after = mergeUpsampling(before);
      expect(kernelCounts(after)).not.toHaveProperty("ResizeNearestNeighbor");
      const { Conv2D, Conv2DBackpropInput, Conv2DBackpropFilter } = kernelCounts(after);
      expect([Conv2D, Conv2DBackpropInput, Conv2DBackpropFilter]).toEqual([1, 1, 1]);
      expect(largestDifference(await runGraph(after), await runGraph(before))).toBeLessThan(1e-5);
    },
  );

  it("makes the larger filter once", () => {
    const { Transpose, Reverse } = kernelCounts(mergeUpsampling(upsampled({})));
    expect([Transpose, Reverse]).toEqual([2, 2]); // there and back
  });

  it.each<[string, Case]>([
    ["a window of one pixel", { window: [1, 1] }],
    ["an even window", { window: [2, 2] }],
    ["a stride", { stride: 2 }],
    ["aligned corners", { corners: true }],
    ["few pixels", { size: [4, 4] }],
  ])("leaves %s alone", (_name, one) => {
    const before = upsampled(one);
    expect(mergeUpsampling(before).nodes).toEqual(before.nodes);
  });

  it("keeps a gradient that something else reads, too", async () => {
    const f: ProgramFunction = (_state, inputs) => {
      const { x, filter } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D };
      const large = tf.image.resizeNearestNeighbor(x, [24, 28]);
      const d = tf.grad((a) => tf.sum(tf.square(tf.conv2d(a as tf.Tensor4D, filter, 1, "same"))))(large);
      return { outputs: { d, copies: tf.sum(tf.reshape(d, [N, 12, 2, 14, 2, FROM]), [2, 4]) } };
    };
    const before = traced(f, { x: tensor(N, 12, 14, FROM), filter: tensor(3, 3, FROM, TO) });
    const after = mergeUpsampling(before);
    expect(kernelCounts(after).Sum).toBe(1);
    expect(largestDifference(await runGraph(after), await runGraph(before))).toBeLessThan(1e-5);
  });
});
