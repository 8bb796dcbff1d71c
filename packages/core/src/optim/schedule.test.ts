import "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  linearSchedule,
  noamSchedule,
  type Schedule,
  scaleBySchedule,
  stepSchedule,
} from "./schedule.js";

const at = (schedule: Schedule, step: number): number => schedule(tf.scalar(step, "int32")).dataSync()[0] as number;

function expectAt(schedule: Schedule, values: Readonly<Record<number, number>>): void {
  for (const [step, value] of Object.entries(values)) expect(at(schedule, Number(step))).toBeCloseTo(value, 6);
}

describe("schedules at their key points", () => {
  it("constant", () => expectAt(constantSchedule(0.3), { 0: 0.3, 1000: 0.3 }));

  it("linear", () => expectAt(linearSchedule(1, 0.2, 8), { 0: 1, 4: 0.6, 8: 0.2, 100: 0.2 }));

  it("cosine without warm-up", () => {
    expectAt(cosineSchedule(2, { steps: 100, final: 1 }), { 0: 2, 50: 1.5, 100: 1, 1000: 1 });
    expectAt(cosineSchedule(2, { steps: 100 }), { 25: 1 + Math.SQRT1_2 });
  });

  it("cosine with warm-up never is 0 on the first step and peaks when the warm-up ends", () => {
    expectAt(cosineSchedule(1, { steps: 110, warmup: 9 }), { 0: 0.1, 4: 0.5, 8: 0.9, 9: 1, 110: 0 });
    expectAt(cosineSchedule(1, { steps: 109, warmup: 9, final: 0.5 }), { 59: 0.75, 109: 0.5 });
  });

  it("exponential, smooth and in stairs", () => {
    expectAt(exponentialSchedule(4, { rate: 0.25, every: 10 }), { 0: 4, 5: 2, 10: 1, 20: 0.25 });
    expectAt(exponentialSchedule(4, { rate: 0.25, every: 10, staircase: true }), {
      0: 4,
      9: 4,
      10: 1,
      19: 1,
      20: 0.25,
    });
  });

  it("step decay", () =>
    expectAt(stepSchedule(1, { boundaries: [3, 6] }), { 0: 1, 2: 1, 3: 0.1, 5: 0.1, 6: 0.01, 9: 0.01 }));

  it("noam rises linearly, then falls with the root", () => {
    const peak = 64 ** -0.5 * 100 ** -0.5;
    expectAt(noamSchedule({ dModel: 64, warmup: 100 }), { 0: peak / 100, 49: peak / 2, 99: peak, 399: peak / 2 });
  });

  it("scaleBySchedule multiplies", () => {
    expectAt(scaleBySchedule(0.5, linearSchedule(1, 0, 4)), { 0: 0.5, 2: 0.25 });
    expectAt(scaleBySchedule(linearSchedule(1, 0, 4), linearSchedule(1, 0, 4)), { 2: 0.25 });
  });

  it("refuses lengths that cannot be", () => {
    expect(() => linearSchedule(1, 0, 0)).toThrow("@latentkit/core: linear: steps must be a number above 0, got 0");
    expect(() => cosineSchedule(1, { steps: 10, warmup: 10 })).toThrow(
      "cosine: warmup must be from 0 to steps - 1 (9), got 10",
    );
    expect(() => noamSchedule({ dModel: 8, warmup: 0 })).toThrow("noam: warmup must be");
  });
});
