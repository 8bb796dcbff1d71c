import "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { clipByGlobalNorm, clipByValue } from "./clip.js";
import { chain, type GradientTransform, gradientTransform } from "./optimizer.js";
import { sgd } from "./sgd.js";
import { globalNorm } from "./trees.js";

const context = { step: tf.scalar(0, "int32") };
const grads = { a: tf.tensor([3, 0]), b: { c: tf.tensor([[0], [-4]]) } };
const values = (tree: any) => [...tree.a.dataSync(), ...tree.b.c.dataSync()];
const clip = (transform: GradientTransform) => transform.update(grads, {}, grads, context).grads;

describe("clipping", () => {
  it("by global norm scales all gradients together", () => {
    expect(globalNorm(grads).dataSync()[0]).toBe(5);
    const clipped = clip(clipByGlobalNorm(1));
    expect(values(clipped)).toEqual([0.6, 0, 0, -0.8].map((x) => expect.closeTo(x, 6)));
    expect(globalNorm(clipped).dataSync()[0]).toBeCloseTo(1, 6);
  });

  it("leaves small gradients as they are, bit for bit, and zeros without NaN", () => {
    expect(values(clip(clipByGlobalNorm(7)))).toEqual(values(grads));
    const zero = { w: tf.zeros([3]) };
    expect([...(clipByGlobalNorm(1).update(zero, {}, zero, context).grads as any).w.dataSync()]).toEqual([0, 0, 0]);
  });

  it("by value limits every element", () => {
    expect(values(clip(clipByValue(3.5)))).toEqual([3, 0, 0, -3.5]);
  });

  it("refuses limits that are not above 0", () => {
    expect(() => clipByGlobalNorm(0)).toThrow("clipByGlobalNorm: the limit must be above 0, got 0");
    expect(() => clipByValue(Number.NaN)).toThrow("clipByValue: the limit must be above 0, got NaN");
  });
});

describe("chain", () => {
  it("runs transforms in order, then the optimizer", () => {
    const double = gradientTransform("double", (g: any) => ({ w: tf.mul(g.w, 2) }));
    const params = { w: tf.scalar(0) };
    const step = (optimizer: ReturnType<typeof chain>) =>
      (optimizer.step(params, { w: tf.scalar(3) }, optimizer.init(params), context).params as any).w.dataSync()[0];
    expect(step(chain(double, clipByGlobalNorm(1), sgd({ learningRate: 1 })))).toBe(-1);
    expect(step(chain(clipByGlobalNorm(1), double, sgd({ learningRate: 1 })))).toBe(-2);
  });

  it("keeps the state of transforms under their names and refuses a name twice", () => {
    const counter: GradientTransform = {
      name: "counter",
      init: () => ({ calls: tf.scalar(0, "int32") }),
      update: (g, state) => ({ grads: g, state: { calls: tf.add(state.calls as tf.Tensor, tf.scalar(1, "int32")) } }),
    };
    const params = { w: tf.scalar(1) };
    const optimizer = chain(counter, sgd({ momentum: 0.9 }));
    let state: any = optimizer.init(params);
    expect(Object.keys(state).sort()).toEqual(["counter", "velocity"]);
    for (let i = 0; i < 3; i++) state = optimizer.step(params, params, state, context).state;
    expect(Object.keys(state).sort()).toEqual(["counter", "velocity"]);
    expect(state.counter.calls.dataSync()[0]).toBe(3);
    expect(() => chain(counter, counter, sgd()).init(params)).toThrow('two parts keep state under "counter"');
  });

  it("names the path of a gradient that is missing or too many", () => {
    const params = { a: tf.scalar(1), b: tf.scalar(1) };
    expect(() => sgd().step(params, { a: tf.scalar(1) }, {}, context)).toThrow('grads has no tensor at "b"');
    expect(() => sgd().step(params, { ...params, c: tf.scalar(1) }, {}, context)).toThrow('grads has a tensor at "c"');
  });
});
