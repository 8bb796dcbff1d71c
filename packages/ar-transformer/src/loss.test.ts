import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { smoothedCrossEntropy, smoothingFloor, weightedMean } from "./loss.js";

const value = (t: tf.Tensor): number => t.dataSync()[0] as number;

describe("label smoothing", () => {
  const logits = tf.tensor2d([[1, -2, 0.5, 3]]);

  it("is the cross-entropy of the smoothed target", () => {
    const q = [0.025, 0.025, 0.925, 0.025];
    const logP = (tf.logSoftmax(logits).arraySync() as number[][])[0] as number[];
    const expected = -q.reduce((sum, weight, i) => sum + weight * (logP[i] as number), 0);
    expect(value(smoothedCrossEntropy(logits, tf.tensor1d([2], "int32"), 0.1))).toBeCloseTo(expected, 5);
  });

  it("is at its floor when the model says the smoothed target, and the floor is its entropy", () => {
    const target = tf.log(tf.tensor2d([[0.025, 0.025, 0.925, 0.025]]));
    expect(value(smoothedCrossEntropy(target, tf.tensor1d([2], "int32"), 0.1))).toBeCloseTo(smoothingFloor(0.1, 4), 5);
    expect(smoothingFloor(0, 4)).toBe(0);
  });

  it("leaves padding out of the mean", () => {
    expect(value(weightedMean(tf.tensor1d([1, 2, 9]), tf.tensor1d([1, 1, 0])))).toBe(1.5);
  });
});
