import "@latentkit/jit";
import { flatten } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { accumulate } from "./accumulate.js";
import { adam } from "./adam.js";
import { clipByGlobalNorm } from "./clip.js";
import { chain, type Optimizer } from "./optimizer.js";

const bytes = (tree: any) =>
  Object.fromEntries(
    flatten<tf.Tensor>(tree).map(([path, t]) => [path, [...new Uint8Array(t.dataSync().slice().buffer)]]),
  );

/** Rows of a linear regression without noise. */
const X = tf.tensor(
  Array.from({ length: 24 }, (_, i) => Math.sin(3.1 * i)),
  [8, 3],
);
const Y = tf.matMul(X, tf.tensor([1, -2, 0.5], [3, 1]));

function gradient(params: any, begin: number, size: number): any {
  const loss = (w: tf.Tensor) =>
    tf.mean(
      tf.squaredDifference(tf.matMul(tf.slice(X, [begin, 0], [size, 3]), w as any), tf.slice(Y, [begin, 0], [size, 1])),
    );
  return { w: tf.grad(loss as any)(params.w) };
}

function start(optimizer: Optimizer) {
  const params: any = { w: tf.zeros([3, 1]) };
  return { params, state: optimizer.init(params) as any };
}

describe("accumulate", () => {
  it("equals one step on the whole batch, clipping included", () => {
    const rule = chain(clipByGlobalNorm(0.1), adam({ learningRate: 0.05 }));
    const whole = start(rule);
    const optimizer = accumulate(rule, 4);
    const parts = start(optimizer);
    for (let round = 0; round < 5; round++) {
      Object.assign(
        whole,
        rule.step(whole.params, gradient(whole.params, 0, 8), whole.state, { step: tf.scalar(round, "int32") }),
      );
      for (let i = 0; i < 4; i++) {
        const before = bytes(parts.params);
        const step = tf.scalar(4 * round + i, "int32");
        Object.assign(parts, optimizer.step(parts.params, gradient(parts.params, 2 * i, 2), parts.state, { step }));
        if (i < 3) expect(bytes(parts.params)).toEqual(before);
      }
      const [a, b] = [whole.params.w.dataSync(), parts.params.w.dataSync()];
      for (let i = 0; i < 3; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(1e-6);
    }
    expect(parts.state.count.dataSync()[0]).toBe(5); // bias correction counts updates, not steps
  });

  it("does not collect what the guard refuses", () => {
    const optimizer = accumulate(adam(), 2);
    const { params, state } = start(optimizer);
    const step = tf.scalar(0, "int32");
    const once: any = optimizer.step(params, gradient(params, 0, 4), state, { step, apply: tf.scalar(true) });
    const nan = { w: tf.fill([3, 1], Number.NaN) };
    const refused: any = optimizer.step(once.params, nan, once.state, { step, apply: tf.scalar(false) });
    expect(bytes(refused)).toEqual(bytes(once));
    const twice: any = optimizer.step(refused.params, gradient(params, 4, 4), refused.state, {
      step,
      apply: tf.scalar(true),
    });
    expect(twice.state.count.dataSync()[0]).toBe(1);
    expect(Number.isFinite(twice.params.w.dataSync()[0])).toBe(true);
  });

  it("of one step is the optimizer itself; other numbers are refused", () => {
    const rule = adam();
    expect(accumulate(rule, 1)).toBe(rule);
    expect(() => accumulate(rule, 0)).toThrow("accumulate: every must be a whole number from 1, got 0");
    expect(() => accumulate(rule, 1.5)).toThrow("got 1.5");
  });
});
