import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { compile, eager, evalShape, flatten, hostTensor, jit, TraceError, trace } from "./index.js";

const vector = (n: number) => ({ shape: [n], dtype: "float32" as const });

describe("trace", () => {
  it("leaves a backend active that can compute, even when it runs before anything else", () => {
    trace((_s, { x }) => ({ outputs: tf.neg(x) }), { state: {}, inputs: { x: vector(1) } });
    expect(tf.neg(tf.tensor1d([2])).dataSync()[0]).toBe(-2);
  });

  it("records forward and backward as one list and drops aliases", () => {
    const { graph } = trace(
      (_s, { x }) => ({ outputs: { dx: tf.grad((a: tf.Tensor) => tf.sum(tf.square(tf.reshape(a, [3]))))(x) } }),
      { state: {}, inputs: { x: vector(3) } },
    );
    const kernels = graph.nodes.map((node) => node.kernel);
    expect(kernels).toContain("Square");
    expect(kernels).not.toContain("Identity");
    expect(graph.inputs.map((port) => port.name)).toEqual(["x"]);
  });

  it("captures eager tensors as constants and leaves the active backend as it was", async () => {
    await tf.setBackend("cpu");
    const w = tf.tensor([1, 2, 3]);
    const { graph } = trace((_s, { x }) => ({ outputs: tf.mul(x, w) }), { state: {}, inputs: { x: vector(3) } });
    expect([...graph.constants.values()].some((data) => data.join() === "1,2,3")).toBe(true);
    expect(tf.getBackend()).toBe("cpu");
    expect(await w.data()).toEqual(new Float32Array([1, 2, 3]));
  });

  it.each([
    ["dataSync", (x: tf.Tensor) => (x.dataSync()[0] ? x : x)],
    ["arraySync", (x: tf.Tensor) => tf.tensor(x.arraySync() as number[])],
  ])("refuses %s with the user's line", (_name, f) => {
    const run = () => trace((_s, { x }) => ({ outputs: f(x) }), { state: {}, inputs: { x: vector(2) } });
    expect(run).toThrow(TraceError);
    expect(run).toThrow(/trace\.test\.ts:\d+/);
  });

  it("refuses tfjs's own random functions", () => {
    const run = () =>
      trace((_s, { x }) => ({ outputs: tf.add(x, tf.randomNormal([2])) }), { state: {}, inputs: { x: vector(2) } });
    expect(run).toThrow(/randomNormal.*normal\(key, shape\)/);
  });

  it("evalShape keeps empty branches", () => {
    const specs = evalShape(({ x }) => ({ a: tf.sum(x), b: {}, c: [x] }) as never, { x: vector(2) });
    expect(specs).toEqual({ a: { shape: [], dtype: "float32" }, b: {}, c: [{ shape: [2], dtype: "float32" }] });
  });
});

describe("compile on the eager engine", () => {
  it("keeps state between runs and shares it between programs", async () => {
    const engine = eager();
    const store = engine.createStore();
    const init = await compile(engine, () => ({ state: { w: tf.ones([2]) } }), { state: {}, inputs: {} }, store);
    await init.run();
    const spec = { state: { w: vector(2) }, inputs: { x: vector(2) } };
    const step = await compile(
      engine,
      ({ w }, { x }) => ({ state: { w: tf.add(w, x) }, outputs: { sum: tf.sum(w) } }),
      spec,
      store,
    );
    expect((await step.run({ x: hostTensor([1, 2], [2]) })).sum.data[0]).toBe(2);
    expect((await step.run({ x: hostTensor([1, 2], [2]) })).sum.data[0]).toBe(5);
    const read = await compile(engine, ({ w }) => ({ outputs: w }), { state: { w: vector(2) }, inputs: {} }, store);
    expect([...(await read.run()).data]).toEqual([3, 5]);
    expect(await compile(engine, () => ({}), { state: {}, inputs: {} }, store)).not.toBe(read);
  });

  it("jit runs a function of tensors with captured weights", async () => {
    const w = tf.tensor2d([[1], [2]]);
    const f = jit(eager(), (x: tf.Tensor) => tf.softplus(tf.matMul(x as tf.Tensor2D, w)));
    const y = await f(tf.tensor2d([[1, 1]]));
    expect(y.dataSync()[0]).toBeCloseTo(Math.log1p(Math.exp(3)), 5);
    await f.dispose();
  });

  it("names the state that changed its shape", async () => {
    const engine = eager();
    const bad = compile(
      engine,
      ({ w }) => ({ state: { w: tf.sum(w) } }),
      { state: { w: vector(2) }, inputs: {} },
      engine.createStore(),
    );
    await expect(bad).rejects.toThrow('state "w" is float32[2] but the function returns float32[] for it');
  });

  it("leaves no tensors behind", async () => {
    await tf.setBackend("cpu");
    const engine = eager();
    const program = await compile(
      engine,
      (_s, { x }) => ({ outputs: tf.sum(tf.square(x)) }),
      { state: {}, inputs: { x: vector(2) } },
      engine.createStore(),
    );
    await program.run({ x: hostTensor([1, 2], [2]) });
    const before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) await program.run({ x: hostTensor([1, 2], [2]) });
    expect(tf.memory().numTensors).toBe(before);
    expect(flatten({ a: 1, b: { c: 2 } })).toEqual([
      ["a", 1],
      ["b.c", 2],
    ]);
  });
});
