import { adamUpdate, type Graph, optimize, type ProgramFunction, trace } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { joinSquares, SUM_OF_SQUARES } from "./join-squares.js";
import { FINISHED, updateInPlace } from "./update-in-place.js";

const matrix = { shape: [2, 3], dtype: "float32" as const };
const tensorflow = { composites: new Set<string>(), foldConstants: true, conditionalStates: true };

/** One guarded step of Adam with a moving average of its parameter; the norm of two gradients is put out. */
const step: ProgramFunction = ({ p, m, v, ema }, { grad, other }) => {
  const squares = [grad, other].map((g: tf.Tensor) => tf.sum(tf.square(g)));
  const norm = tf.sqrt(tf.add(tf.add(squares[0] as tf.Tensor, squares[1] as tf.Tensor), tf.scalar(2)));
  const ok = tf.less(norm, tf.scalar(10));
  const scalars = { learningRate: tf.scalar(0.1), correction1: tf.scalar(0.1), correction2: tf.scalar(0.01) };
  const next = adamUpdate({ param: p, grad, m, v }, scalars, { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 });
  const average = tf.add(tf.mul(ema, 0.9), tf.mul(next[0], 0.1));
  const kept = (after: tf.Tensor, before: tf.Tensor) => tf.where(ok, after, before);
  return {
    state: { p: kept(next[0], p), m: kept(next[1], m), v: kept(next[2], v), ema: kept(average, ema) },
    outputs: { norm },
  };
};

function graphOf(f: ProgramFunction): Graph {
  const state = { p: matrix, m: matrix, v: matrix, ema: matrix };
  return optimize(trace(f, { state, inputs: { grad: matrix, other: matrix } }).graph, tensorflow);
}

/** The kernels that a value is computed with, up to values that are given. */
function kernelsBehind(graph: Graph, id: number | undefined, stopAt: string): string[] {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(id as number));
  if (node === undefined) return [];
  if (node.kernel === stopAt) return [stopAt];
  return [node.kernel, ...Object.values(node.inputs).flatMap((input) => kernelsBehind(graph, input, stopAt))];
}

/** Every value is computed before it is read. */
function expectInOrder(graph: Graph): void {
  const produced = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const { inputs, outputs } of graph.nodes) {
    for (const id of outputs) produced.delete(id);
    for (const id of Object.values(inputs)) expect(produced.has(id)).toBe(false);
  }
}

describe("updateInPlace", () => {
  const graph = updateInPlace(joinSquares(graphOf(step)));
  const state = (path: string) => graph.states.find((one) => one.path === path);

  it("computes a parameter from the moments and an average from the parameter that are stored", () => {
    expectInOrder(graph);
    const parameter = kernelsBehind(graph, state("p")?.after, FINISHED);
    expect(parameter.filter((kernel) => kernel === FINISHED)).toHaveLength(2);
    expect(parameter).not.toContain("Square"); // the second moment is not computed again
    expect(kernelsBehind(graph, state("ema")?.after, FINISHED).filter((kernel) => kernel === FINISHED)).toHaveLength(1);
  });

  it("chooses what is stored before it is read, and leaves the condition to states that nothing reads", () => {
    const conditions = graph.states.map(({ path, when }) => [path, when === undefined]);
    expect(Object.fromEntries(conditions)).toEqual({ p: true, m: true, v: true, ema: false });
    const stored = graph.nodes.find(({ outputs }) => outputs.includes(state("m")?.after as number));
    expect(stored).toMatchObject({ kernel: "Select", inputs: { e: state("m")?.before } });
  });

  it("leaves alone what an output needs too", () => {
    const shown: ProgramFunction = (before, inputs, key) => {
      const { state, outputs } = step(before, inputs, key) as { state: Record<string, tf.Tensor>; outputs: object };
      return { state, outputs: { ...outputs, total: tf.sum(tf.sub(state.p as tf.Tensor, before.p)) } };
    };
    const shownGraph = updateInPlace(graphOf(shown));
    expectInOrder(shownGraph);
    expect(shownGraph.nodes.filter(({ kernel }) => kernel === FINISHED)).toHaveLength(0);
  });
});

describe("joinSquares", () => {
  it("makes one node of a sum of sums of squares and keeps the other terms", () => {
    const graph = joinSquares(graphOf(step));
    expectInOrder(graph);
    const [joined, ...others] = graph.nodes.filter(({ kernel }) => kernel === SUM_OF_SQUARES);
    expect(others).toEqual([]);
    expect(Object.keys(joined?.inputs ?? {})).toEqual(["0", "1"]);
    const norm = kernelsBehind(graph, graph.outputs[0]?.value, SUM_OF_SQUARES);
    expect(norm).toEqual(["Sqrt", "Add", SUM_OF_SQUARES]);
  });

  it("keeps a sum that something else needs", () => {
    const f: ProgramFunction = (_state, { grad, other }) => {
      const square = tf.sum(tf.square(grad));
      const both = tf.add(square, tf.sum(tf.square(other)));
      return { outputs: { both, sum: tf.add(both, tf.scalar(1)), square } };
    };
    const graph = joinSquares(graphOf(f));
    expectInOrder(graph);
    expect(graph.nodes.filter(({ kernel }) => kernel === SUM_OF_SQUARES)).toHaveLength(1);
  });
});
