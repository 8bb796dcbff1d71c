import { flatten } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { accumulate } from "./accumulate.js";
import { adam, adamw } from "./adam.js";
import { clipByGlobalNorm, clipByValue } from "./clip.js";
import { optimizerFromConfig, optimizerSchema, scheduleFromConfig } from "./config.js";
import { lion } from "./lion.js";
import { muon } from "./muon.js";
import { chain, type Optimizer } from "./optimizer.js";
import { cosineSchedule, linearSchedule, noamSchedule } from "./schedule.js";
import { sgd } from "./sgd.js";

/** Parameters and state after three steps, as one flat list. */
function trajectory(optimizer: Optimizer): [string, number[]][] {
  let params: any = { kernel: tf.tensor([1, -2, 3, 4], [2, 2]), bias: tf.tensor([0.5, -0.5]) };
  let state: any = optimizer.init(params);
  for (let step = 0; step < 3; step++) {
    ({ params, state } = optimizer.step(params, params, state, { step: tf.scalar(step, "int32") }) as any);
  }
  return flatten<tf.Tensor>({ params, state }).map(([path, t]) => [path, [...t.dataSync()]]);
}

describe("optimizerFromConfig", () => {
  it.each<[string, Parameters<typeof optimizerFromConfig>[0], Optimizer]>([
    ["nothing: Adam at 1e-3", {}, adam({ learningRate: 1e-3 })],
    [
      "adam with options",
      { learningRate: 0.01, beta1: 0.5, beta2: 0.9, epsilon: 1e-5 },
      adam({ learningRate: 0.01, beta1: 0.5, beta2: 0.9, epsilon: 1e-5 }),
    ],
    ["adamw", { name: "adamw", weightDecay: 0.1 }, adamw({ weightDecay: 0.1 })],
    ["sgd", { name: "sgd", momentum: 0.9, nesterov: true }, sgd({ momentum: 0.9, nesterov: true })],
    ["lion", { name: "lion" }, lion()],
    ["muon", { name: "muon", momentum: 0.9 }, muon({ momentum: 0.9 })],
    [
      "cosine",
      { schedule: "cosine", warmup: 2, final: 1e-4 },
      adam({ learningRate: cosineSchedule(1e-3, { steps: 10, warmup: 2, final: 1e-4 }) }),
    ],
    ["linear", { schedule: "linear" }, adam({ learningRate: linearSchedule(1e-3, 0, 10) })],
    [
      "noam",
      { schedule: "noam", warmup: 5, modelWidth: 64 },
      adam({ learningRate: noamSchedule({ dModel: 64, warmup: 5 }) }),
    ],
    ["clipping", { clipNorm: 0.5, clipValue: 1 }, chain(clipByValue(1), clipByGlobalNorm(0.5), adam())],
    ["accumulation", { accumulate: 2 }, accumulate(adam(), 2)],
  ])("%s", (_name, config, expected) => {
    expect(trajectory(optimizerFromConfig(config, 10))).toEqual(trajectory(expected));
  });

  it("gives the same rates where the length of the run is a value of the program", () => {
    for (const schedule of ["constant", "linear", "cosine", "exponential", "step", "noam"]) {
      for (const warmup of schedule === "cosine" || schedule === "noam" ? [0, 7, 0.105] : [0]) {
        const config = optimizerSchema.parse({ schedule, warmup, final: 1e-4, decayRate: 0.5, boundaries: [20] });
        const rates = [100, tf.scalar(100, "int32")].map((length) => {
          const rate = scheduleFromConfig(config, length);
          return [0, 3, 10, 50, 99].map((step) => rate(tf.scalar(step, "int32")).dataSync()[0] as number);
        });
        const [known, given] = rates as [number[], number[]];
        given.forEach((rate, i) => {
          expect(rate, `${schedule} ${warmup}`).toBeCloseTo(known[i] as number, 8);
        });
      }
    }
  });

  it("gives every schedule its value in the middle and at the end", () => {
    const at = (config: object, step: number) =>
      scheduleFromConfig(
        optimizerSchema.parse({ learningRate: 1, ...config }),
        100,
      )(tf.scalar(step, "int32")).dataSync()[0];
    expect(at({ schedule: "exponential", decayRate: 0.01 }, 50)).toBeCloseTo(0.1, 6);
    expect(at({ schedule: "step", boundaries: [50] }, 49)).toBeCloseTo(1, 6);
    expect(at({ schedule: "step", boundaries: [50] }, 50)).toBeCloseTo(0.1, 6);
    expect(at({ schedule: "constant" }, 100)).toBe(1);
  });

  it("refuses what cannot be, naming option and value", () => {
    const refuse = (config: object) => () => optimizerFromConfig(config, 10);
    expect(refuse({ name: "adagrad" })).toThrow(/@latentkit\/core: optimizer\.name: Invalid option/);
    expect(refuse({ learningRate: -1 })).toThrow(/optimizer\.learningRate: Too small/);
    expect(refuse({ learnigRate: 1 })).toThrow(/learnigRate/);
    expect(refuse({ name: "sgd", beta1: 0.9 })).toThrow(
      "optimizer.beta1 (0.9) means nothing to sgd; leave it out or choose optimizer.name adam, adamw, lion",
    );
    expect(refuse({ schedule: "cosine", warmup: 10 })).toThrow(
      "cosine: warmup must be from 0 to steps - 1 (9), got 10",
    );
  });

  it("describes every option", () => {
    for (const field of Object.values(optimizerSchema.shape)) expect(field.description).toBeTruthy();
  });
});
