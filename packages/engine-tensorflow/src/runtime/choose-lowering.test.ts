import { type ProgramFunction, type ProgramSpecs, trace } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { chooseLowering } from "./choose-lowering.js";

const matrix = { shape: [4, 4], dtype: "float32" as const };
const filter = { shape: [3, 3, 2, 2], dtype: "float32" as const };
const images = { shape: [1, 6, 6, 2], dtype: "float32" as const };

const product: ProgramFunction = ({ w }, { x }) => ({ state: { w: tf.sub(w, tf.matMul(x, w)) } });
const convolution: ProgramFunction = ({ w }, { x }) => ({
  state: { w: tf.mul(w, tf.sum(tf.conv2d(x, w, 1, "same"))) },
});
const evaluation: ProgramFunction = ({ w }, { x }) => ({ outputs: { y: tf.matMul(x, w) } });
const creation: ProgramFunction = (_s, { x }) => ({ state: { w: tf.neg(x) } });
const sampling: ProgramFunction = ({ w, v, carry }) => ({ state: { carry: tf.matMul(tf.matMul(carry, w), v) } });

const choose = (
  f: ProgramFunction,
  specs: ProgramSpecs,
  settings: Partial<Parameters<typeof chooseLowering>[1]> = {},
) => chooseLowering(trace(f, specs).graph, { xla: true, precision: "float32", ...settings });

describe("chooseLowering", () => {
  const step = { state: { w: matrix }, inputs: { x: matrix } };

  it.each([
    ["a training step without convolutions: all of it", product, step, "xla"],
    [
      "one with convolutions: what lies between them",
      convolution,
      { state: { w: filter }, inputs: { x: images } },
      "clusters",
    ],
    ["an evaluation: nothing", evaluation, step, "graph"],
    ["an initialisation: nothing", creation, { state: {}, inputs: { x: matrix } }, "graph"],
    ["a sampling step: nothing", sampling, { state: { w: matrix, v: matrix, carry: matrix }, inputs: {} }, "graph"],
  ] as const)("compiles of %s", (_name, f, specs, lowering) => {
    expect(choose(f, specs)).toBe(lowering);
  });

  it("leaves products to oneDNN in bf16, and everything to it without XLA", () => {
    expect(choose(product, step, { precision: "bf16" })).toBe("clusters");
    expect(choose(product, step, { xla: false })).toBe("graph");
  });
});
