import { normal } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  CLASS_MEANS,
  CLASS_STD,
  idealModel,
  key,
  mean,
  numbers,
  runPlan,
  sampleEagerly,
  std,
} from "../test/support.js";
import { flowProcess } from "./process/flow.js";
import { DATA } from "./process/level.js";
import { SAMPLER_NAMES, samplers } from "./samplers/index.js";

const ideal = idealModel();
const byClass = idealModel({ conditional: true });

describe("sampling with the ideal network", () => {
  it.for(SAMPLER_NAMES)("%s draws the data's distribution", (sampler) => {
    const values = numbers(sampleEagerly(ideal, { n: 3000, options: { sampler, steps: 40 } }));
    expect(values).toHaveLength(6000);
    expect(mean(values)).toBeCloseTo(0.1, 1);
    // with few steps the smaller variance of DDPM adds too little noise, the larger one more than the last step takes away
    const isAncestral = sampler === "ddpm" || sampler === "euler-ancestral";
    expect(std(values)).toBeGreaterThan(CLASS_STD - (isAncestral ? 0.04 : 0.015));
    expect(std(values)).toBeLessThan(CLASS_STD + (sampler === "ddpm-large" ? 0.1 : 0.015));
  });

  it("follows the plan: tensors do what numbers in float64 do", () => {
    const process = flowProcess({ times: "uniform", shift: 1 });
    const start = numbers(normal(key(7), [4, 2]));
    for (const sampler of ["ddim", "heun", "dpmpp2m", "flow-midpoint", "flow-rk4"] as const) {
      const plan = samplers[sampler]([...process.levels(6, "auto"), DATA], { eta: 0, levelAt: process.levelAt });
      const expected = (x: number) =>
        runPlan(
          plan,
          (y, { alpha, sigma }) =>
            0.1 + ((alpha * CLASS_STD ** 2) / ((alpha * CLASS_STD) ** 2 + sigma ** 2)) * (y - alpha * 0.1),
          x,
        );
      const sampling = ideal.model.sampling({ n: 4, options: { sampler, steps: 6 } });
      let carry = sampling.start(ideal.params, ideal.state, key(0), { n: 4, options: {} });
      carry = { ...carry, x: tf.tensor(start, [4, 2]) };
      for (let i = 0; i < sampling.steps; i++)
        carry = sampling.step?.(ideal.params, ideal.state, carry, tf.scalar(i, "int32"), key(i));
      for (const [i, value] of numbers(sampling.finish(ideal.params, ideal.state, carry)).entries())
        expect(value, sampler).toBeCloseTo(expected(start[i] as number), 4);
    }
  });

  it("starts from the same noise whatever ran before, and takes any number of steps", () => {
    const draw = (steps: number) =>
      numbers(sampleEagerly(ideal, { n: 2, seed: 3, options: { sampler: "ddim", steps } }));
    const before = draw(5);
    for (const steps of [1, 2, 7, 33]) draw(steps);
    expect(draw(5)).toEqual(before);
  });
});

describe("guidance", () => {
  const label = [0, 1, 1, 0];
  const draw = (options: object, labels: readonly number[] = label) =>
    numbers(
      sampleEagerly(byClass, { n: 4, seed: 5, label: labels, options: { sampler: "ddim", steps: 6, ...options } }),
    );

  it("0 is the model without a class, 1 the model with it, to the bit, inside and outside an interval", () => {
    const without = numbers(sampleEagerly(ideal, { n: 4, seed: 5, options: { sampler: "ddim", steps: 6 } }));
    expect(draw({ guidance: 0 })).toEqual(without);
    const withClass = draw({});
    expect(draw({ guidance: 1 })).toEqual(withClass);
    expect(draw({ guidance: 3, guidanceInterval: [1e6, 1e7] })).toEqual(withClass); // nowhere
    expect(draw({ guidance: 3, guidanceInterval: [0.9, 1.2] })).not.toEqual(withClass);
    expect(draw({ guidance: 1, guidanceInterval: [0.9, 1.2] })).toEqual(withClass);
    expect(withClass).not.toEqual(without);
  });

  it("mixes both sides in one doubled batch: (1 - w) D(x) + w D(x | class)", () => {
    const [first] = draw({ guidance: 2.5, steps: 1 });
    const at = (guidance: number) => draw({ guidance, steps: 1 })[0] as number;
    expect(first).toBeCloseTo(-1.5 * at(0) + 2.5 * at(1), 5);
  });

  it("samples are of the class asked for, or of classes drawn evenly", () => {
    const all = numbers(sampleEagerly(byClass, { n: 500, label: Array(500).fill(1), options: { steps: 10 } }));
    expect(mean(all)).toBeCloseTo(CLASS_MEANS[1], 1);
    const mixed = numbers(sampleEagerly(byClass, { n: 800, options: { steps: 10 } }));
    const upper = mixed.filter((value) => value > 0.125).length / mixed.length;
    expect(upper).toBeGreaterThan(0.43);
    expect(upper).toBeLessThan(0.57);
  });

  it("is refused where it cannot be", () => {
    const refusal = (model: ReturnType<typeof idealModel>, options: object) => () =>
      model.model.sampling({ n: 1, options: { ...options } });
    expect(refusal(ideal, { guidance: 2 })).toThrow(
      "guidance must be 1 for a model trained with conditional: false, got 2",
    );
    expect(refusal(idealModel({ conditional: true, dropLabel: 0 }), { guidance: 2 })).toThrow(
      "trained with dropLabel 0",
    );
    expect(refusal(byClass, { guidance: 2, guidanceInterval: [5, 1] })).toThrow("two rising numbers");
    expect(() => idealModel({ conditional: true }).model.sampling({ n: 1, options: { guidance: -1 } })).toThrow(
      "guidance",
    );
  });
});

/** Shapes of inputs for a plan, which looks at their names only. */
const specs = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, { shape: [1], dtype: "float32" } as const]));

describe("given data", () => {
  const image = idealModel({}, [4, 4, 1]);
  const init = tf.tensor4d(
    Array.from({ length: 32 }, (_, i) => Math.sin(i) / 3),
    [2, 4, 4, 1],
  );
  const left = tf.tensor4d(
    Array.from({ length: 32 }, (_, i) => (i % 4 < 2 ? 0 : 1)),
    [2, 4, 4, 1],
  );

  it("known pixels stay to the bit whatever the sampler, the others are filled in", () => {
    for (const sampler of ["ddpm", "ddim", "dpmpp2m", "heun", "flow-rk4"] as const) {
      const filled = numbers(
        sampleEagerly(image, { n: 2, options: { sampler, steps: 8 }, inputs: { init, mask: left } }),
      );
      const original = numbers(init);
      const kept = filled.filter((_, i) => i % 4 < 2);
      expect(kept, sampler).toEqual(original.filter((_, i) => i % 4 < 2));
      expect(filled.filter((value, i) => i % 4 >= 2 && value === original[i])).toEqual([]);
    }
  });

  it("known pixels are on their way with the right noise: a known datum is where training would put it", () => {
    const sampling = image.model.sampling({
      n: 2,
      options: { sampler: "ddpm", steps: 8 },
      inputs: specs("init", "mask"),
    });
    const none = tf.zerosLike(left); // everything is known
    let carry = sampling.start(image.params, image.state, key(0), { n: 2, options: {}, inputs: { init, mask: none } });
    for (let i = 0; i < 4; i++)
      carry = sampling.step?.(image.params, image.state, carry, tf.scalar(i, "int32"), key(i));
    const gap = numbers(tf.sub(carry.x, tf.mul(init, 0.5))); // half-way: x = 0.5 x0 + 0.5 eps
    expect(std(gap)).toBeGreaterThan(0.35);
    expect(std(gap)).toBeLessThan(0.65);
  });

  it("an image changes the more the further it goes towards noise", () => {
    const change = (strength: number) => {
      const x = sampleEagerly(image, { n: 2, options: { sampler: "ddim", steps: 20, strength }, inputs: { init } });
      return mean(numbers(tf.abs(tf.sub(x, init))));
    };
    expect(change(0.05)).toBeLessThan(0.06);
    expect(change(0.05)).toBeLessThan(change(0.4));
    expect(change(0.4)).toBeLessThan(change(1));
    expect(image.model.sampling({ n: 2, options: { steps: 20, sampler: "ddim" }, inputs: specs("init") }).steps).toBe(
      12,
    );
  });

  it("repeats steps when asked to, and says which samplers cannot", () => {
    const steps = (options: object) => image.model.sampling({ n: 2, options: { steps: 5, ...options } }).steps;
    expect(steps({ sampler: "ddim", resample: 3 })).toBe(15);
    expect(() => steps({ sampler: "heun", resample: 3 })).toThrow(
      'got "heun"; use ddpm, ddim, euler or euler-ancestral',
    );
  });

  it("is refused where something is missing", () => {
    const plan = (options: object, given: string[]) => () =>
      image.model.sampling({ n: 1, options: { ...options }, inputs: specs(...given) });
    expect(plan({}, ["mask"])).toThrow("mask was given without init");
    expect(plan({ strength: 0.5 }, [])).toThrow("strength must be 1 when sampling from noise alone, got 0.5");
    expect(plan({ sampler: "heun", eta: 0.5 }, [])).toThrow("eta means nothing to sampler heun, got 0.5");
    expect(plan({ steps: 0 }, [])).toThrow(/steps/);
    expect(plan({ sampler: "best" }, [])).toThrow(/sampler/);
  });
});
