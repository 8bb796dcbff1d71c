import { describe, expect, test } from "vitest";
import type { OnnxGraph, OnnxValue } from "../proto.js";
import { OnnxBuilder } from "./builder.js";
import { cancelTransposes } from "./cancel-transposes.js";
import { removeDeadNodes } from "./cleanup.js";

const NCHW = [0, 3, 1, 2];
const NHWC = [0, 2, 3, 1];
const image: OnnxValue = { name: "x", shape: [2, 4, 5, 3], type: "float32" };

function optimized(build: (b: OnnxBuilder) => OnnxValue): OnnxGraph {
  const b = new OnnxBuilder();
  return removeDeadNodes(cancelTransposes(b.finish([image], [build(b)])));
}

const ops = (graph: OnnxGraph) => graph.nodes.map(({ op }) => op);

/** Stands for an operator that wants channels first. */
const channelwise = (b: OnnxBuilder, x: OnnxValue) => b.op("GlobalLpPool", [x], x.shape, x.type);

describe("cancelTransposes", () => {
  test("a transpose and its inverse are nothing", () => {
    const graph = optimized((b) => b.unary("Relu", b.transpose(b.transpose(image, NCHW), NHWC)));
    expect(ops(graph)).toEqual(["Relu"]);
    expect(graph.nodes[0]?.inputs[0]).toEqual(image);
  });

  test("two transposes become one", () => {
    const graph = optimized((b) => b.transpose(b.transpose(image, NCHW), [0, 1, 3, 2]));
    expect(graph.nodes.map(({ op, attributes }) => [op, attributes.perm])).toEqual([["Transpose", [0, 3, 2, 1]]]);
  });

  test("element-wise operators between two convolutions keep their layout", () => {
    const graph = optimized((b) => {
      const y = b.transpose(channelwise(b, b.transpose(image, NCHW)), NHWC);
      const bias = b.constant([1, 2, 3], [3]);
      const activated = b.unary("Relu", b.by("Mul", b.add(y, bias), 2));
      return channelwise(b, b.transpose(activated, NCHW));
    });
    expect(ops(graph).filter((op) => op === "Transpose")).toHaveLength(1);
    const sum = graph.nodes.find(({ op }) => op === "Add");
    expect(sum?.outputs[0]?.shape).toEqual([2, 3, 4, 5]);
    expect(sum?.inputs[1]?.shape).toEqual([1, 3, 1, 1]);
  });

  test("two values in the same layout meet before the transpose", () => {
    const graph = optimized((b) => {
      const y = b.transpose(channelwise(b, b.transpose(image, NCHW)), NHWC);
      const z = b.transpose(channelwise(b, b.transpose(image, NCHW)), NHWC);
      return b.transpose(b.concat([y, z], 3), NCHW);
    });
    expect(ops(graph)).toEqual(["Transpose", "GlobalLpPool", "GlobalLpPool", "Concat", "Identity"]);
    expect(graph.nodes.find(({ op }) => op === "Concat")?.attributes.axis).toBe(1);
  });

  test("a sum over all but channels needs no transpose", () => {
    const graph = optimized((b) =>
      b.reduce("Sum", b.transpose(channelwise(b, b.transpose(image, NCHW)), NHWC), [0, 1, 2]),
    );
    expect(ops(graph)).toEqual(["Transpose", "GlobalLpPool", "ReduceSum"]);
    const axes = graph.nodes[2]?.inputs[1]?.name as string;
    expect(graph.constants.get(axes)?.data).toEqual(BigInt64Array.of(0n, 2n, 3n));
  });

  test("a transpose that is a result stays one", () => {
    const graph = optimized((b) => b.transpose(image, NCHW));
    expect(ops(graph)).toEqual(["Transpose"]);
    expect(graph.outputs[0]?.name).toBe(graph.nodes[0]?.outputs[0]?.name);
  });
});
