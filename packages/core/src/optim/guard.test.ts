import "@latentkit/jit";
import { flatten } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { accumulate } from "./accumulate.js";
import { adam, adamw } from "./adam.js";
import { clipByGlobalNorm } from "./clip.js";
import { emaDecay, emaUpdate } from "./ema.js";
import { guard, guardInit } from "./guard.js";
import { lion } from "./lion.js";
import { muon } from "./muon.js";
import { chain, type Optimizer } from "./optimizer.js";
import { sgd } from "./sgd.js";
import { selectTree } from "./trees.js";

const bytes = (tree: any) =>
  Object.fromEntries(
    flatten<tf.Tensor>(tree).map(([path, t]) => [path, [...new Uint8Array(t.dataSync().slice().buffer)]]),
  );
const number = (t: tf.Tensor) => t.dataSync()[0] as number;

const OPTIMIZERS: Record<string, Optimizer> = {
  adam: adam(),
  adamw: adamw(),
  sgd: sgd(),
  momentum: sgd({ momentum: 0.9, nesterov: true }),
  lion: lion({ weightDecay: 0.1 }),
  muon: muon(),
  chain: chain(clipByGlobalNorm(1), adamw()),
  accumulate: accumulate(chain(clipByGlobalNorm(1), adam()), 2),
};

/** Negative zero, denormal and ordinary numbers: selection has to keep every bit. */
const initial = () => ({
  layer: { kernel: tf.tensor([-0, 1e-40, -1, 2, 0, 3], [2, 3]), bias: tf.tensor([-0, 0.5]) },
  list: [tf.scalar(1)],
});

const gradsOf = (value: number): any => ({
  layer: { kernel: tf.tensor([-1, 0.2, value, 1, -0, 2], [2, 3]), bias: tf.tensor([1, -1]) },
  list: [tf.scalar(-1)],
});

function trainStep(
  optimizer: Optimizer,
  s: any,
  grads: any,
  loss = tf.scalar(1),
  maxGradNorm = Number.POSITIVE_INFINITY,
): any {
  const verdict = guard(loss, grads, s.guard, { maxGradNorm });
  const { params, state } = optimizer.step(s.params, grads, s.state, {
    step: tf.scalar(0, "int32"),
    apply: verdict.ok,
  });
  const ema = selectTree(verdict.ok, emaUpdate(s.ema, params, tf.scalar(0, "int32")), s.ema);
  return { params, state, ema, guard: verdict.state };
}

describe.each(Object.entries(OPTIMIZERS))("the guard with %s", (_name, optimizer) => {
  const bad = { NaN: Number.NaN, infinity: Number.POSITIVE_INFINITY, overflow: 3e38 };

  it.each(Object.entries(bad))("a gradient with %s changes nothing but the counts", (_kind, value) => {
    const params = initial();
    let s: any = { params, state: optimizer.init(params), ema: params, guard: guardInit() };
    for (let i = 0; i < 3; i++) {
      const next = trainStep(optimizer, s, gradsOf(value));
      for (const part of ["params", "state", "ema"]) expect(bytes(next[part])).toEqual(bytes(s[part]));
      expect([number(next.guard.skipped), number(next.guard.skippedInARow)]).toEqual([2 * i + 1, 1]);
      s = trainStep(optimizer, next, gradsOf(0.5));
      s = trainStep(optimizer, s, gradsOf(0.25));
      expect(number(s.guard.skippedInARow)).toBe(0);
      expect(bytes(s.params)).not.toEqual(bytes(next.params));
      s = trainStep(optimizer, s, gradsOf(0.5), tf.scalar(Number.NaN));
      expect(number(s.guard.skipped)).toBe(2 * i + 2);
      s = trainStep(optimizer, s, gradsOf(0.5));
    }
  });

  it("a true flag is the step without a flag", () => {
    const params = initial();
    const state = optimizer.init(params);
    const step = tf.scalar(0, "int32");
    const free = optimizer.step(params, gradsOf(0.5), state, { step });
    expect(bytes(optimizer.step(params, gradsOf(0.5), state, { step, apply: tf.scalar(true) }))).toEqual(bytes(free));
  });
});

describe("guard", () => {
  const grads = { w: tf.tensor([3, 4]) };

  it("reports the norm and refuses exploding gradients above the limit only", () => {
    const at = (maxGradNorm: number) => guard(tf.scalar(0), grads, guardInit(), { maxGradNorm });
    expect(number(at(5).gradNorm)).toBe(5);
    expect([number(at(5).ok), number(at(4.99).ok)]).toEqual([1, 0]);
    expect(number(guard(tf.scalar(0), grads, guardInit()).ok)).toBe(1);
    expect(() => at(0)).toThrow("guard: maxGradNorm must be above 0, got 0");
  });

  it("counts in a row and in all", () => {
    let state = guardInit();
    const seen: number[][] = [];
    for (const loss of [1, Number.NaN, Number.POSITIVE_INFINITY, 2, Number.NEGATIVE_INFINITY, 3.4e38]) {
      ({ state } = guard(tf.scalar(loss), grads, state));
      seen.push([number(state.skipped), number(state.skippedInARow)]);
    }
    expect(seen).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [2, 0],
      [3, 1],
      [3, 0],
    ]);
    expect(state.skipped.dtype).toBe("int32");
    expect(state.skippedInARow.dtype).toBe("int32");
  });
});

describe("selectTree", () => {
  it("lets nothing through from the side that is not chosen", () => {
    const nan = { a: tf.fill([2], Number.NaN), n: tf.scalar(1, "int32") };
    const old = { a: tf.tensor([1, -0]), n: tf.scalar(7, "int32") };
    expect(bytes(selectTree(tf.scalar(false), nan, old))).toEqual(bytes(old));
    expect(bytes(selectTree(tf.scalar(true), old, nan))).toEqual(bytes(old));
    expect(selectTree(undefined, old, nan)).toBe(old);
    expect(selectTree(tf.scalar(true), old, nan).n.dtype).toBe("int32");
  });
});

describe("ema", () => {
  it("warms up to its decay", () => {
    const at = (t: number) => number(emaDecay(tf.scalar(t, "int32"), { decay: 0.99 }));
    expect(at(0)).toBeCloseTo(0.1, 6);
    expect(at(8)).toBeCloseTo(0.5, 6);
    expect(at(1e6)).toBeCloseTo(0.99, 6);
    expect(number(emaDecay(tf.scalar(0, "int32"), { decay: 0.9, warmup: false }))).toBeCloseTo(0.9, 6);
  });

  it("follows the recursion in float64", () => {
    let ema: any = { w: tf.tensor([1, -2]) };
    const exact = [1, -2];
    for (let t = 0; t < 50; t++) {
      const values = [Math.sin(t), Math.cos(2 * t)];
      ema = emaUpdate(ema, { w: tf.tensor(values) }, tf.scalar(t, "int32"), { decay: 0.8 });
      const d = Math.min(0.8, (1 + t) / (10 + t));
      for (let i = 0; i < 2; i++) exact[i] = d * (exact[i] as number) + (1 - d) * (values[i] as number);
    }
    for (let i = 0; i < 2; i++) expect(Math.abs(ema.w.dataSync()[i] - (exact[i] as number))).toBeLessThan(1e-6);
  });

  it("stays exactly on parameters it has reached", () => {
    const params = { w: tf.tensor([0.1, 1 / 3, -0]) };
    expect(bytes(emaUpdate(params, params, tf.scalar(3, "int32")))).toEqual(bytes(params));
  });
});
