import type { Graph, ProgramFunction, TensorSpec } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { kernelCounts, largestDifference, runGraph, traced } from "../../test/run-graph.js";
import { multiplyFirst } from "./multiply-first.js";

const tensor = (...shape: number[]): TensorSpec => ({ shape, dtype: "float32" });
const FROM = 32;

type Pad = "same" | "valid" | number;

interface Case {
  readonly to?: number;
  readonly window?: readonly [number, number];
  readonly stride?: number | [number, number];
  readonly pad?: Pad;
  readonly size?: readonly [number, number];
}

/** A convolution of many channels to few, with its gradient for the filter. */
function convolution({ to = 2, window = [3, 3], stride = 1, pad = "same", size = [12, 14] }: Case): Graph {
  const f: ProgramFunction = (_state, inputs) => {
    const { x, filter } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D };
    const y = (b: tf.Tensor) => tf.conv2d(x, b as tf.Tensor4D, stride, pad);
    return { outputs: { y: y(filter), dFilter: tf.grad((b) => tf.sum(tf.square(y(b))))(filter) } };
  };
  return traced(f, { x: tensor(8, ...size, FROM), filter: tensor(...window, FROM, to) });
}

/** A transposed convolution of many channels to few. @param size Of the result. */
function transposed({ to = 2, window = [4, 4], stride = 2, pad = "same", size = [24, 28] }: Case): Graph {
  const [down, across] = [stride].flat() as [number, number?];
  const f: ProgramFunction = (_state, inputs) => {
    const { x, filter } = inputs as { x: tf.Tensor4D; filter: tf.Tensor4D };
    const y = tf.conv2dTranspose(x, filter, [8, ...size, to], stride, pad);
    return { outputs: { y } };
  };
  const small = [size[0] / down, size[1] / (across ?? down)];
  return traced(f, { x: tensor(8, ...small, FROM), filter: tensor(...window, to, FROM) });
}

async function expectEqual(after: Graph, before: Graph): Promise<void> {
  expect(largestDifference(await runGraph(after), await runGraph(before))).toBeLessThan(1e-5);
}

describe("multiplyFirst", () => {
  it.each<Case>([
    {},
    { to: 1, window: [5, 3] },
    { to: 3, pad: "valid" },
    { to: 1, window: [4, 4], pad: "same" },
    { to: 4, window: [1, 3], pad: 1, size: [16, 16] },
  ])("computes a convolution as products: %j", async (one) => {
    const before = convolution(one);
    const after = multiplyFirst(before);
    expect(kernelCounts(after)).not.toHaveProperty("Conv2D");
    expect(kernelCounts(after).BatchMatMul).toBe(1);
    await expectEqual(after, before);
  });

  it("computes the filter's gradient with image and gradient exchanged", async () => {
    const before = convolution({});
    const after = multiplyFirst(before);
    const gradient = after.nodes.find(({ kernel }) => kernel === "Conv2DBackpropFilter");
    expect(after.values[gradient?.outputs[0] ?? -1]?.shape).toEqual([3, 3, 2, FROM]);
    await expectEqual(after, before);
  });

  it.each<Case>([
    {},
    { to: 1, window: [3, 3] },
    { to: 1, window: [5, 4] },
    { to: 3, window: [6, 6], stride: 3, size: [36, 42] },
    { to: 1, window: [4, 4], stride: 1 },
    { to: 2, window: [2, 2] },
    { to: 2, window: [4, 3], stride: [2, 1] },
  ])("computes a transposed convolution as products: %j", async (one) => {
    const before = transposed(one);
    const after = multiplyFirst(before);
    expect(kernelCounts(after)).not.toHaveProperty("Conv2DBackpropInput");
    await expectEqual(after, before);
  });

  it.each<[string, Graph]>([
    ["many channels", convolution({ to: 5 })],
    ["a strided convolution", convolution({ stride: 2, window: [4, 4] })],
    ["a window of one pixel", convolution({ window: [1, 1] })],
    ["few pixels", convolution({ size: [8, 8] })],
    ["a transposed convolution to many channels", transposed({ to: 8 })],
    ["a stride larger than the window", transposed({ window: [1, 1] })],
  ])("leaves %s alone", (_name, before) => {
    expect(multiplyFirst(before).nodes).toEqual(before.nodes);
  });
});
