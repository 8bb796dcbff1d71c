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
const convolvedSampling: ProgramFunction = ({ w, v, carry }) => ({
  state: { carry: tf.conv2d(tf.conv2d(carry, w, 1, "same"), v, 1, "same") },
});

const choose = (
  f: ProgramFunction,
  specs: ProgramSpecs,
  settings: Partial<Parameters<typeof chooseLowering>[1]> = {},
) => chooseLowering(trace(f, specs).graph, { xla: true, precision: "float32", ...settings });

describe("chooseLowering", () => {
  const step = { state: { w: matrix }, inputs: { x: matrix } };
  const carried = { state: { w: matrix, v: matrix, carry: matrix }, inputs: {} };

  it.each([
    ["a training step without convolutions: all of it", product, step, { first: "xla" }],
    [
      "one with convolutions: what lies between them",
      convolution,
      { state: { w: filter }, inputs: { x: images } },
      { first: "clusters" },
    ],
    ["an evaluation: nothing", evaluation, step, { first: "graph" }],
    ["an initialisation: nothing", creation, { state: {}, inputs: { x: matrix } }, { first: "graph" }],
    [
      "a sampling step: all of it, later",
      sampling,
      carried,
      { first: "graph", repeated: { lowering: "xla", after: 256 } },
    ],
    [
      "a sampling step with convolutions: nothing",
      convolvedSampling,
      { state: { w: filter, v: filter, carry: images }, inputs: {} },
      { first: "graph" },
    ],
  ] as const)("compiles of %s", (_name, f, specs, plan) => {
    expect(choose(f, specs)).toEqual(plan);
  });

  it("compiles a large sampling step sooner, after as many values as small ones have in all their runs", () => {
    const [rows, width] = [10_000, 1000];
    const spec = (...shape: number[]) => ({ shape, dtype: "float32" as const });
    const large = { state: { w: spec(width, width), v: spec(width, width), carry: spec(rows, width) }, inputs: {} };
    const plan = choose(sampling, large);
    expect(plan).toEqual({ first: "graph", repeated: { lowering: "xla", after: 25 } });
  });

  it("leaves products to oneDNN in bf16, and everything to it without XLA", () => {
    expect(choose(product, step, { precision: "bf16" })).toEqual({ first: "clusters" });
    expect(choose(product, step, { xla: false })).toEqual({ first: "graph" });
    expect(choose(sampling, carried, { precision: "bf16" })).toEqual({ first: "graph" });
    expect(choose(sampling, carried, { xla: false })).toEqual({ first: "graph" });
  });
});
