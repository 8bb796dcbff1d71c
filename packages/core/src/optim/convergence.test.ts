import "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { adam, adamw } from "./adam.js";
import { lion } from "./lion.js";
import { muon } from "./muon.js";
import type { Optimizer } from "./optimizer.js";
import { cosineSchedule } from "./schedule.js";
import { sgd } from "./sgd.js";

/** Minimises `loss` of one parameter from `start`; returns the last loss. */
function minimise(optimizer: Optimizer, loss: (w: tf.Tensor) => tf.Scalar, start: tf.Tensor, steps: number): number {
  return tf.tidy(() => {
    let params: any = { w: start };
    let state = optimizer.init(params);
    for (let step = 0; step < steps; step++) {
      const grads = { w: tf.grad(loss)(params.w) };
      ({ params, state } = optimizer.step(params, grads, state, { step: tf.scalar(step, "int32") }) as any);
    }
    return loss(params.w).dataSync()[0] as number;
  });
}

/** Condition number 100, minimum 0 at ones. */
const quadratic = (w: tf.Tensor) =>
  tf.sum(
    tf.mul(
      tf.square(tf.sub(w, 1)),
      tf.tensor([
        [10, 1],
        [0.1, 3],
      ]),
    ),
  ) as tf.Scalar;

/** Rosenbrock's banana valley with a wall of height 10, minimum 0 at (1, 1). */
function rosenbrock(w: tf.Tensor): tf.Scalar {
  const [x, y] = tf.unstack(w) as [tf.Tensor, tf.Tensor];
  return tf.add(tf.square(tf.sub(1, x)), tf.mul(tf.square(tf.sub(y, tf.square(x))), 10)) as tf.Scalar;
}

const rate = (peak: number, steps: number) => ({ learningRate: cosineSchedule(peak, { steps }) });

describe("convergence", () => {
  it.each<[string, Optimizer, number, number?]>([
    ["adam", adam(rate(0.2, 300)), 1e-6],
    ["adamw", adamw({ ...rate(0.2, 300), weightDecay: 0 }), 1e-6],
    ["sgd", sgd({ ...rate(0.05, 300), momentum: 0.9, nesterov: true }), 1e-4],
    ["lion", lion(rate(0.03, 600)), 1e-3, 600],
    ["muon", muon(rate(0.1, 300)), 1e-3],
  ])("%s on a quadratic", (_name, optimizer, limit, steps = 300) => {
    expect(
      minimise(
        optimizer,
        quadratic,
        tf.tensor([
          [-1, 3],
          [2, -2],
        ]),
        steps,
      ),
    ).toBeLessThan(limit);
  });

  it.each<[string, Optimizer, number]>([
    ["adam", adam(rate(0.1, 600)), 1e-4],
    ["sgd", sgd({ ...rate(0.005, 600), momentum: 0.9, nesterov: true }), 1e-2],
    ["lion", lion(rate(0.02, 600)), 1e-2],
  ])("%s in Rosenbrock's valley", (_name, optimizer, limit) => {
    expect(minimise(optimizer, rosenbrock, tf.tensor([-1, 1.5]), 600)).toBeLessThan(limit);
  });
});
