import { type Graph, type GraphNode, groupNorm, optimize, type ProgramFunction, sizeOf, trace } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { AGAIN, computeAgain } from "./compute-again.js";

const CHANNELS = 16;
const specs = {
  state: {
    w1: { shape: [3, 3, CHANNELS, CHANNELS], dtype: "float32" as const },
    w2: { shape: [3, 3, CHANNELS, CHANNELS], dtype: "float32" as const },
    scale: { shape: [CHANNELS], dtype: "float32" as const },
    offset: { shape: [CHANNELS], dtype: "float32" as const },
  },
  inputs: { x: { shape: [4, 8, 8, CHANNELS], dtype: "float32" as const } },
};

/** The gradients of a convolution, a normalisation, an activation and a convolution. */
const gradients: ProgramFunction = ({ w1, w2, scale, offset }, { x }) => {
  const loss = (...[a, b, c, d]: tf.Tensor[]) => {
    const h = tf.conv2d(x, a as tf.Tensor4D, 1, "same");
    const normal = groupNorm(h, c as tf.Tensor, d as tf.Tensor, 4);
    const y = tf.conv2d(tf.mul(normal, tf.sigmoid(normal)) as tf.Tensor4D, b as tf.Tensor4D, 1, "same");
    return tf.sum(tf.square(y));
  };
  return { outputs: Object.fromEntries(tf.grads(loss)([w1, w2, scale, offset]).entries()) };
};

const isConvolution = ({ kernel }: GraphNode) => kernel.startsWith("Conv2D");

/** Kernels of large values that one cluster hands to another without a convolution between. */
function handedOver(graph: Graph): string[] {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node])));
  const depths = new Map<number, number>();
  const found: string[] = [];
  for (const node of graph.nodes) {
    const ids = Object.values(node.inputs);
    const deepest = Math.max(0, ...ids.map((id) => depths.get(id) ?? 0)) + (isConvolution(node) ? 1 : 0);
    const depth = Math.max(deepest, (node.attrs[AGAIN] as number | undefined) ?? 0);
    for (const id of node.outputs) depths.set(id, depth);
    for (const id of isConvolution(node) ? [] : ids) {
      const maker = producers.get(id);
      const isLarge = sizeOf(graph.values[id]?.shape ?? []) >= 4 * 8 * 8 * CHANNELS;
      if (maker !== undefined && !isConvolution(maker) && isLarge && (depths.get(id) ?? 0) < depth)
        found.push(maker.kernel);
    }
  }
  return found;
}

describe("computeAgain", () => {
  const engine = { composites: new Set<string>(), foldConstants: true, conditionalStates: true };
  const before = optimize(trace(gradients, specs).graph, engine);
  const after = computeAgain(before);

  it("hands no large value over that follows from a convolution's output", () => {
    expect(handedOver(before)).toContain("Multiply");
    expect(handedOver(after)).toEqual([]);
  });

  it("computes sums and convolutions once", () => {
    const count = ({ nodes }: Graph, kernels: RegExp) => nodes.filter(({ kernel }) => kernels.test(kernel)).length;
    for (const kernels of [/^(Sum|Mean)$/, /^Conv2D/]) expect(count(after, kernels)).toBe(count(before, kernels));
    expect(after.nodes.length).toBeGreaterThan(before.nodes.length);
  });

  it("computes every value before it is read", () => {
    const produced = new Set(after.nodes.flatMap(({ outputs }) => outputs));
    for (const { inputs, outputs } of after.nodes) {
      for (const id of outputs) produced.delete(id);
      for (const id of Object.values(inputs)) expect(produced.has(id)).toBe(false);
    }
  });

  it("leaves a graph without convolutions as it is", () => {
    const f: ProgramFunction = (_s, { x }) => ({ outputs: { y: tf.grad((a) => tf.sum(tf.tanh(tf.exp(a))))(x) } });
    const graph = optimize(trace(f, { ...specs, state: {} }).graph, engine);
    expect(computeAgain(graph).nodes).toEqual(graph.nodes);
  });
});
