import "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { adam, adamw, biasCorrection } from "./adam.js";
import { lion } from "./lion.js";
import type { Optimizer } from "./optimizer.js";
import { linearSchedule } from "./schedule.js";
import { sgd } from "./sgd.js";

const KERNEL = [0.5, -1.5, 2, 0.25, -0.75, 1];
const BIAS = [0.1, -0.2, 0.3];

/** Gradients that change sign and size over the steps, by parameter and element. */
const gradientAt = (step: number, i: number) => Math.sin(1.7 * step + i) * (1 + 0.3 * i) + 0.05 * step;

/** A published rule for one scalar in float64: `memory` is what it keeps. */
type Rule = (p: number, g: number, memory: Record<string, number>, step: number, decays: boolean) => number;

function runReference(rule: Rule, steps: number): { kernel: number[]; bias: number[] } {
  const run = (values: readonly number[], offset: number, decays: boolean) =>
    values.map((start, i) => {
      const memory: Record<string, number> = {};
      let p = start;
      for (let step = 0; step < steps; step++) p = rule(p, gradientAt(step, i + offset), memory, step, decays);
      return p;
    });
  return { kernel: run(KERNEL, 0, true), bias: run(BIAS, 6, false) };
}

function runOptimizer(optimizer: Optimizer, steps: number): { kernel: number[]; bias: number[] } {
  let params: any = { layer: { kernel: tf.tensor(KERNEL, [2, 3]), bias: tf.tensor(BIAS) } };
  let state = optimizer.init(params);
  for (let step = 0; step < steps; step++) {
    const kernel = tf.tensor(
      KERNEL.map((_, i) => gradientAt(step, i)),
      [2, 3],
    );
    const bias = tf.tensor(BIAS.map((_, i) => gradientAt(step, i + 6)));
    ({ params, state } = optimizer.step(params, { layer: { kernel, bias } }, state, {
      step: tf.scalar(step, "int32"),
    }) as any);
  }
  return { kernel: [...params.layer.kernel.dataSync()], bias: [...params.layer.bias.dataSync()] };
}

/** Float32 against float64 over the steps: absolute difference below 2e-6, the parameters being of size 1. */
function expectSame(optimizer: Optimizer, rule: Rule, steps = 7): void {
  const ours = runOptimizer(optimizer, steps);
  const theirs = runReference(rule, steps);
  for (const name of ["kernel", "bias"] as const) {
    const distance = ours[name].map((value, i) => Math.abs(value - (theirs[name][i] as number)));
    expect(Math.max(...distance)).toBeLessThan(2e-6);
  }
}

const adamRule = (lr: (step: number) => number, b1: number, b2: number, eps: number, wd: number): Rule => {
  return (p, g, memory, step, decays) => {
    const t = step + 1;
    memory.m = b1 * (memory.m ?? 0) + (1 - b1) * g;
    memory.v = b2 * (memory.v ?? 0) + (1 - b2) * g * g;
    const mHat = memory.m / (1 - b1 ** t);
    const vHat = memory.v / (1 - b2 ** t);
    return p - (decays ? lr(step) * wd * p : 0) - (lr(step) * mHat) / (Math.sqrt(vHat) + eps);
  };
};

describe("update rules against the published formulas in float64", () => {
  it("adam", () => {
    expectSame(
      adam({ learningRate: 0.1 }),
      adamRule(() => 0.1, 0.9, 0.999, 1e-8, 0),
    );
    expectSame(
      adam({ learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 0.1 }),
      adamRule(() => 0.1, 0.5, 0.9, 0.1, 0),
    );
  });

  it("adam's first step is the learning rate times the sign of the gradient", () => {
    const params = { w: tf.tensor([1, 1]) };
    const optimizer = adam({ learningRate: 0.25 });
    const { params: next } = optimizer.step(params, { w: tf.tensor([3, -0.01]) }, optimizer.init(params), {
      step: tf.scalar(0, "int32"),
    }) as any;
    const [a, b] = next.w.dataSync();
    expect(a).toBeCloseTo(0.75, 6);
    expect(b).toBeCloseTo(1.25, 6);
  });

  it("adamw shrinks kernels and not biases", () => {
    expectSame(
      adamw({ learningRate: 0.1, weightDecay: 0.3 }),
      adamRule(() => 0.1, 0.9, 0.999, 1e-8, 0.3),
    );
  });

  it("adamw takes another choice of what decays", () => {
    const rule = adamRule(() => 0.1, 0.9, 0.999, 1e-8, 0.3);
    const swapped: Rule = (p, g, memory, step, decays) => rule(p, g, memory, step, !decays);
    expectSame(adamw({ learningRate: 0.1, weightDecay: 0.3, decays: (path) => path.endsWith("bias") }), swapped);
  });

  it("adam with a schedule", () => {
    expectSame(
      adam({ learningRate: linearSchedule(0.2, 0, 10) }),
      adamRule((step) => 0.2 - 0.02 * step, 0.9, 0.999, 1e-8, 0),
    );
  });

  it("sgd", () => {
    expectSame(sgd({ learningRate: 0.05 }), (p, g) => p - 0.05 * g);
  });

  it("sgd with momentum, plain and Nesterov's", () => {
    const rule = (nesterov: boolean): Rule => {
      return (p, g, memory) => {
        memory.u = 0.9 * (memory.u ?? 0) + g;
        return p - 0.05 * (nesterov ? g + 0.9 * memory.u : memory.u);
      };
    };
    expectSame(sgd({ learningRate: 0.05, momentum: 0.9 }), rule(false));
    expectSame(sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }), rule(true));
  });

  it("Nesterov's momentum is the published look-ahead form in other variables", () => {
    // Sutskever et al., eq. 3-4: v <- mu v - lr grad(p + mu v), p <- p + v. Ours follows p + mu v.
    const gradient = (x: number) => 3 * x - 1;
    let [p, v] = [2, 0];
    let params: any = { w: tf.scalar(2) };
    const optimizer = sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true });
    let state = optimizer.init(params);
    for (let step = 0; step < 10; step++) {
      v = 0.9 * v - 0.05 * gradient(p + 0.9 * v);
      p += v;
      const grads = { w: tf.scalar(gradient(params.w.dataSync()[0])) };
      ({ params, state } = optimizer.step(params, grads, state, { step: tf.scalar(step, "int32") }) as any);
      expect(params.w.dataSync()[0]).toBeCloseTo(p + 0.9 * v, 5);
    }
  });

  it("lion", () => {
    const rule: Rule = (p, g, memory, _step, decays) => {
      const m = memory.m ?? 0;
      memory.m = 0.99 * m + 0.01 * g;
      return p - 0.01 * (Math.sign(0.9 * m + 0.1 * g) + (decays ? 0.2 * p : 0));
    };
    expectSame(lion({ learningRate: 0.01, weightDecay: 0.2 }), rule, 12);
  });
});

describe("biasCorrection", () => {
  it("keeps six digits where 1 - beta^t in float32 has three", () => {
    for (const beta of [0.5, 0.9, 0.999, 0.9999]) {
      for (const t of [1, 2, 10, 1000, 1e6]) {
        const exact = -Math.expm1(t * Math.log(beta));
        const value = biasCorrection(beta, tf.scalar(t)).dataSync()[0] as number;
        expect(Math.abs(value / exact - 1)).toBeLessThan(5e-7);
      }
    }
  });
});
