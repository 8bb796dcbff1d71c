import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { type Graph, optimize, type ProgramFunction, type TensorSpec, trace } from "../index.js";

const vector = (n: number): TensorSpec => ({ shape: [n], dtype: "float32" });
const all = { composites: new Set<string>(), foldConstants: true, conditionalStates: true };

function kernelsOf(
  f: ProgramFunction,
  state = {},
  inputs: Record<string, TensorSpec> = { x: vector(4) },
): { graph: Graph; kernels: string[] } {
  const graph = optimize(trace(f, { state, inputs }).graph, all);
  return { graph, kernels: graph.nodes.map((node) => node.kernel) };
}

describe("optimize", () => {
  it("merges what is computed twice, and drops what nobody uses", () => {
    const { kernels } = kernelsOf((_s, { x }) => {
      tf.exp(x);
      return { outputs: tf.add(tf.sin(x), tf.sin(x)) };
    });
    expect(kernels).toEqual(["Sin", "Add"]);
  });

  it("computes constants once", () => {
    const { graph, kernels } = kernelsOf((_s, { x }) => ({ outputs: tf.mul(x, tf.cumsum(tf.tensor1d([1, 2, 3, 4]))) }));
    expect(kernels).toEqual(["Multiply"]);
    expect([...graph.constants.values()].map((data) => [...data])).toEqual([[1, 3, 6, 10]]);
  });

  it("leaves no tensors of ones in the gradient of a mean", () => {
    const { graph, kernels } = kernelsOf((_s, { x }) => ({
      outputs: tf.grad((a: tf.Tensor) => tf.mean(tf.square(a)))(x),
    }));
    expect(kernels.filter((kernel) => kernel === "Multiply").length).toBeLessThanOrEqual(2);
    expect([...graph.constants.values()].every((data) => data.length === 1)).toBe(true);
  });

  it.each([
    ["x * 1", (x: tf.Tensor) => tf.mul(x, tf.ones([4]))],
    ["1 * x", (x: tf.Tensor) => tf.mul(tf.scalar(1), x)],
    ["x + 0", (x: tf.Tensor) => tf.add(x, 0)],
    ["x / 1", (x: tf.Tensor) => tf.div(x, tf.onesLike(x))],
    ["x - 0", (x: tf.Tensor) => tf.sub(x, tf.zerosLike(x))],
  ])("%s is x", (_name, f) => {
    expect(kernelsOf((_s, { x }) => ({ outputs: tf.neg(f(x)) })).kernels).toEqual(["Neg"]);
  });

  it("keeps a broadcast that gives the result its shape", () => {
    const { graph } = kernelsOf((_s, { x }) => ({ outputs: tf.mul(x, tf.ones([3, 4])) }));
    const [output] = graph.outputs;
    expect(graph.values[output?.value as number]?.shape).toEqual([3, 4]);
  });

  it("does not touch x * 0, which is NaN for infinite x", () => {
    expect(kernelsOf((_s, { x }) => ({ outputs: tf.mul(x, 0) })).kernels).toEqual(["Multiply"]);
  });

  it("turns a guarded update into a conditional state, nested choices into one flag", () => {
    const f: ProgramFunction = ({ w }, { x }) => {
      const outer = tf.less(tf.sum(x), 3);
      const inner = tf.greater(tf.sum(x), -3);
      return { state: { w: tf.where(outer, tf.where(inner, tf.add(w, x), w), w) } };
    };
    const { graph, kernels } = kernelsOf(f, { w: vector(4) });
    expect(kernels).not.toContain("Select");
    const [state] = graph.states;
    expect(graph.values[state?.when as number]).toMatchObject({ dtype: "bool" });
    const flag = graph.nodes.find((node) => node.outputs.includes(state?.when as number));
    expect(flag?.kernel).toBe("LogicalAnd");
  });

  it("keeps an element-wise choice", () => {
    const f: ProgramFunction = ({ w }, { x }) => ({ state: { w: tf.where(tf.greater(x, 0), x, w) } });
    expect(kernelsOf(f, { w: vector(4) }).kernels).toContain("Select");
  });
});
