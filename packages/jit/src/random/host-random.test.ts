import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
import { trace } from "../compile.js";
import { type Graph, type GraphNode, KEY_INPUT, type ValueId } from "../graph.js";
import { type HostTensor, hostTensor, type TensorSpec } from "../host-tensor.js";
import { hashName } from "./host-key.js";
import { type FedRandom, hostRandom, type InputValues } from "./host-random.js";
import { fold, type Key } from "./key.js";
import { foldWords, keyWords, philoxNormal, philoxPermutation, philoxUniform } from "./philox.js";
import { normal, uniform } from "./sample.js";

beforeAll(() => tf.setBackend("cpu"));

const KEY: TensorSpec = { shape: [2], dtype: "int32" };
const INT: TensorSpec = { shape: [], dtype: "int32" };

function node(kernel: string, inputs: GraphNode["inputs"], output: ValueId, attrs: GraphNode["attrs"] = {}): GraphNode {
  return { kernel, inputs, outputs: [output], attrs, site: "" };
}

/** Inputs: 0 the key, 1 a step. Constants: 2. State: 3 a counter. */
function graphOf(specs: readonly TensorSpec[], nodes: readonly GraphNode[], outputs: readonly ValueId[]): Graph {
  return {
    values: [KEY, INT, INT, INT, ...specs],
    constants: new Map([[2, Int32Array.of(hashName("noise"))]]),
    nodes,
    inputs: [
      { name: KEY_INPUT, value: 0 },
      { name: "step", value: 1 },
    ],
    states: [{ path: "counter", before: 3 }],
    outputs: outputs.map((value) => ({ name: `out${value}`, value })),
  };
}

function inputs(seed: number, step: number): InputValues {
  return new Map<ValueId, HostTensor>([
    [0, hostTensor(keyWords(seed), [2], "int32")],
    [1, hostTensor([step], [], "int32")],
  ]);
}

const fedOf = (graph: Graph, id: ValueId) => hostRandom(graph).fed.get(id) as FedRandom;

describe("hostRandom", () => {
  test("feeds what a chain of folds over the key, constants and int32 inputs leads to", () => {
    const graph = graphOf(
      [
        KEY,
        KEY,
        { shape: [2, 3], dtype: "float32" },
        { shape: [7], dtype: "int32" },
        { shape: [2, 3], dtype: "float32" },
      ],
      [
        node("PhiloxFold", { key: 0, data: 2 }, 4),
        node("PhiloxFold", { key: 4, data: 1 }, 5),
        node("PhiloxNormal", { key: 5 }, 6, { shape: [2, 3] }),
        node("PhiloxPermutation", { key: 0 }, 7, { n: 7 }),
        node("Square", { x: 6 }, 8),
      ],
      [7, 8],
    );
    const { fed, remaining } = hostRandom(graph);
    expect(remaining.map(({ kernel }) => kernel)).toEqual(["Square"]);
    expect([...fed].map(([id, { kernel, shape, dtype }]) => [id, kernel, shape, dtype])).toEqual([
      [6, "PhiloxNormal", [2, 3], "float32"],
      [7, "PhiloxPermutation", [7], "int32"],
    ]);
    for (const [seed, step] of [
      [1, 0],
      [1, 1],
      [9, 1],
    ] as const) {
      const key = foldWords(foldWords(keyWords(seed), hashName("noise")), step);
      const expected = { shape: [2, 3], dtype: "float32", data: philoxNormal(key, 6) };
      expect(fedOf(graph, 6).evaluate(inputs(seed, step))).toEqual(expected);
      expect(fedOf(graph, 7).evaluate(inputs(seed, step)).data).toEqual(philoxPermutation(keyWords(seed), 7));
    }
  });

  test("keeps nodes whose key depends on computed values, and feeds the key they start from", () => {
    const graph = graphOf(
      [KEY, KEY, { shape: [4], dtype: "float32" }],
      [
        node("PhiloxFold", { key: 0, data: 2 }, 4),
        node("PhiloxFold", { key: 4, data: 3 }, 5), // the counter is a state
        node("PhiloxUniform", { key: 5 }, 6, { shape: [4] }),
      ],
      [6],
    );
    const { fed, remaining } = hostRandom(graph);
    expect(remaining.map((n) => n.outputs[0])).toEqual([5, 6]);
    expect([...fed.keys()]).toEqual([4]);
    expect(fedOf(graph, 4).evaluate(inputs(3, 0)).data).toEqual(foldWords(keyWords(3), hashName("noise")));
  });

  test("feeds results of the program that are random themselves, leaves others out", () => {
    const graph = graphOf(
      [{ shape: [5], dtype: "float32" }, { shape: [5], dtype: "float32" }, KEY],
      [
        node("PhiloxUniform", { key: 0 }, 4, { shape: [5] }),
        node("PhiloxNormal", { key: 0 }, 5, { shape: [5] }),
        node("PhiloxFold", { key: 0, data: 1 }, 6),
      ],
      [4, 6],
    );
    expect([...hostRandom(graph).fed.keys()]).toEqual([4, 6]);
    expect(hostRandom(graph).remaining).toEqual([]);
  });

  test("writes into a given array", () => {
    const graph = graphOf(
      [{ shape: [5], dtype: "float32" }, { shape: [5], dtype: "int32" }, KEY],
      [
        node("PhiloxUniform", { key: 0 }, 4, { shape: [5] }),
        node("PhiloxPermutation", { key: 0 }, 5, { n: 5 }),
        node("PhiloxFold", { key: 0, data: 1 }, 6),
      ],
      [4, 5, 6],
    );
    for (const [id, out] of [
      [4, new Float32Array(5)],
      [5, new Int32Array(5)],
      [6, new Int32Array(2)],
    ] as const) {
      expect(fedOf(graph, id).evaluate(inputs(1, 2), out).data).toBe(out);
      expect(out).toEqual(fedOf(graph, id).evaluate(inputs(1, 2)).data);
    }
  });

  test("names the input that is missing", () => {
    const graph = graphOf(
      [{ shape: [1], dtype: "float32" }],
      [node("PhiloxNormal", { key: 0 }, 4, { shape: [1] })],
      [4],
    );
    expect(() => fedOf(graph, 4).evaluate(new Map())).toThrow('input "$key" is missing');
  });
});

test("a traced function's random numbers are those of the same function run eagerly", () => {
  const f = (key: Key, step: tf.Tensor) => [normal(fold(key, "z", step), [3, 2]), uniform(fold(key, 4), [5])] as const;
  const { graph } = trace((_, { step }, key) => ({ outputs: f(key, step) }), {
    state: {},
    inputs: { step: { shape: [], dtype: "int32" } },
  });
  const { fed, remaining } = hostRandom(graph);
  expect(remaining).toEqual([]);
  const values = new Map(
    graph.inputs.map(({ name, value }) => [
      value,
      name === KEY_INPUT ? hostTensor(keyWords(8), [2], "int32") : hostTensor([11], [], "int32"),
    ]),
  );
  const eager = f(tf.tensor1d(keyWords(8), "int32"), tf.scalar(11, "int32"));
  graph.outputs.forEach(({ value }, i) => {
    expect(fed.get(value)?.evaluate(values).data).toEqual((eager[i] as tf.Tensor).dataSync());
  });
  expect(fed.get(graph.outputs[1]?.value as ValueId)?.evaluate(values).data).toEqual(
    philoxUniform(foldWords(keyWords(8), 4), 5),
  );
});
