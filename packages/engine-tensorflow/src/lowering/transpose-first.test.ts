import { type Graph, type GraphNode, optimize, type TensorSpec, trace } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { transposeFirst } from "./transpose-first.js";
import { FINISHED } from "./update-in-place.js";

const tensorflow = { composites: new Set<string>(), foldConstants: true, conditionalStates: true };

/** The graph of `a^T b` for an `a` of `rows` times `m` and a `b` of `rows` times `n`. */
function weightGradient(rows: number, m: number, n: number): Graph {
  const inputs = {
    a: { shape: [rows, m], dtype: "float32" as const },
    b: { shape: [rows, n], dtype: "float32" as const },
  };
  const { graph } = trace((_state, { a, b }) => ({ outputs: { y: tf.matMul(a, b, true) } }), { state: {}, inputs });
  return transposeFirst(optimize(graph, tensorflow));
}

const kernels = ({ nodes }: Graph) => nodes.map(({ kernel }) => kernel);
const inputName = ({ inputs }: Graph, id: number | undefined) => inputs.find(({ value }) => value === id)?.name;

describe("transposeFirst", () => {
  it("transposes the left factor when that is less to move", () => {
    const graph = weightGradient(64, 16, 32);
    expect(kernels(graph)).toEqual(["Transpose", FINISHED, "BatchMatMul"]);
    expect(inputName(graph, graph.nodes[0]?.inputs.x)).toBe("a");
    expect(graph.nodes[2]).toMatchObject({ attrs: { transposeA: false }, outputs: [graph.outputs[0]?.value] });
  });

  it("transposes the right factor and the product when that is less to move", () => {
    const graph = weightGradient(64, 32, 2);
    expect(kernels(graph)).toEqual(["Transpose", FINISHED, "BatchMatMul", FINISHED, "Transpose"]);
    const [first, , product, , last] = graph.nodes as [GraphNode, GraphNode, GraphNode, GraphNode, GraphNode];
    expect(inputName(graph, first.inputs.x)).toBe("b");
    expect(inputName(graph, product.inputs.b)).toBe("a");
    expect((graph.values[product.outputs[0] as number] as TensorSpec).shape).toEqual([2, 32]);
    expect(last.outputs).toEqual([graph.outputs[0]?.value]);
  });

  it.each([
    ["long rows", 128, 784, 400],
    ["many rows", 4096, 256, 256],
    ["a column", 64, 1, 32],
  ])("leaves %s alone", (_name, rows, m, n) => {
    expect(kernels(weightGradient(rows, m, n))).toEqual(["BatchMatMul"]);
  });
});
