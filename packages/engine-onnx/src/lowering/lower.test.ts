import {
  adamUpdate,
  type Graph,
  optimize,
  type ProgramFunction,
  type ProgramSpecs,
  RANDOM_KERNELS,
  trace,
  UnsupportedKernelError,
} from "@latentkit/jit";
import { kernelCases } from "@latentkit/jit/testing";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { COMPOSITES, loweredKernels, lowerGraph } from "./index.js";

const matrix = (...shape: number[]) => ({ shape, dtype: "float32" as const });

function graphOf(f: ProgramFunction, specs: Partial<ProgramSpecs>): Graph {
  const traced = trace(f, { state: {}, inputs: {}, ...specs });
  return optimize(traced.graph, { composites: COMPOSITES, foldConstants: true, conditionalStates: true });
}

const opsOf = (graph: Graph) => lowerGraph(graph).onnx.nodes.map(({ op }) => op);

describe("lowerGraph", () => {
  test("has a lowering for every kernel of the conformance table and of randomness", () => {
    const kernels = [...kernelCases.flatMap((one) => one.kernels), ...RANDOM_KERNELS.keys()];
    const lowered = loweredKernels();
    expect(kernels.filter((kernel) => !lowered.has(kernel))).toEqual([]);
  });

  test("a dense layer is a product that adds its bias, and a relu", () => {
    const inputs = { x: matrix(4, 3), w: matrix(3, 2), bias: matrix(2) };
    const graph = graphOf((_, { x, w, bias }) => ({ outputs: { y: tf.relu(tf.add(tf.matMul(x, w), bias)) } }), {
      inputs,
    });
    expect(opsOf(graph)).toEqual(["Gemm", "Relu"]);
  });

  test("a product used twice keeps its bias apart", () => {
    const inputs = { x: matrix(4, 3), w: matrix(3, 2), bias: matrix(2) };
    const graph = graphOf(
      (_, { x, w, bias }) => {
        const product = tf.matMul(x, w);
        return { outputs: { y: tf.add(product, bias), product } };
      },
      { inputs },
    );
    expect(opsOf(graph)).toEqual(["Gemm", "Add"]);
  });

  test("results that are inputs, constants or each other are copied", () => {
    const inputs = { x: matrix(2) };
    const state = { a: matrix(2), b: matrix(2) };
    const graph = graphOf(
      ({ a, b }, { x }) => {
        const sum = tf.add(a, x);
        return { state: { a: b, b: sum }, outputs: { sum, x, one: tf.scalar(1) } };
      },
      { inputs, state },
    );
    const lowered = lowerGraph(graph);
    expect(lowered.onnx.nodes.map(({ op }) => op).sort()).toEqual([
      "Add",
      "Identity",
      "Identity",
      "Identity",
      "Identity",
    ]);
    expect(new Set(lowered.onnx.outputs.map(({ name }) => name)).size).toBe(5);
  });

  test("inputs that nothing needs are left out, with their positions kept", () => {
    const inputs = { unused: matrix(2), x: matrix(2) };
    const graph = graphOf((_, { x }) => ({ outputs: { y: tf.neg(x) } }), { inputs });
    expect(lowerGraph(graph).inputs.map(({ name, position }) => [name, position])).toEqual([["in.x", 1]]);
  });

  test("names engine, kernel and line of what it does not know", () => {
    const graph = graphOf((_, { x }) => ({ outputs: { y: tf.neg(x) } }), { inputs: { x: matrix(2) } });
    const odd = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, kernel: "Odd", site: "model.ts:3:7" })) };
    expect(() => lowerGraph(odd)).toThrow(UnsupportedKernelError);
    expect(() => lowerGraph(odd)).toThrow("engine onnx: kernel Odd is not supported; called at model.ts:3:7");
  });

  test("a relu's gradient is a product with its mask", () => {
    const f = (x: tf.Tensor) => tf.sum(tf.square(tf.relu(x)));
    const graph = graphOf((_, { x }) => ({ outputs: { dx: tf.grad(f)(x) } }), { inputs: { x: matrix(3) } });
    expect(opsOf(graph)).not.toContain("Where");
    expect(opsOf(graph)).toContain("Greater");
  });

  test("small parameters are updated together, large ones alone", () => {
    const sizes = { big: 40_000, kernel: 12, bias: 3, scale: 5 };
    const leaves = Object.fromEntries(Object.entries(sizes).map(([name, n]) => [name, matrix(n)]));
    const scalars = { learningRate: matrix(), correction1: matrix(), correction2: matrix() };
    const graph = graphOf(
      ({ param, m, v }, { grad, ...given }) => {
        const next = Object.keys(sizes).map((name) =>
          adamUpdate({ param: param[name], grad: grad[name], m: m[name], v: v[name] }, given, {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
          }),
        );
        const column = (i: number) =>
          Object.fromEntries(Object.keys(sizes).map((name, k) => [name, next[k]?.[i] as tf.Tensor]));
        return { state: { param: column(0), m: column(1), v: column(2) } };
      },
      { state: { param: leaves, m: leaves, v: leaves }, inputs: { grad: leaves, ...scalars } },
    );
    const { onnx, states } = lowerGraph(graph);
    expect(onnx.nodes.filter(({ op }) => op === "Gemm").map(({ outputs }) => outputs[0]?.shape[1])).toEqual([
      40_000, 40_000, 40_000, 20, 20, 20,
    ]);
    expect(onnx.nodes.filter(({ op }) => op === "Split")).toHaveLength(3);
    expect(states.every(({ before, after }) => before.length === 1 && after !== undefined)).toBe(true);
  });
});
