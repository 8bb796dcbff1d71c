import "@latentkit/core"; // brings the backend
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { arSampleOptions } from "./config.js";
import { keepMinP, keepTopK, keepTopP, penalize, processLogits } from "./logits.js";

const rows = (t: tf.Tensor): number[][] => t.arraySync() as number[][];
/** Which tokens are left. */
const kept = (t: tf.Tensor): number[][] => rows(t).map((row) => row.flatMap((v, i) => (v > -1e29 ? [i] : [])));
const logOf = (...p: number[][]) => tf.log(tf.tensor2d(p));
const neutral = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

describe("logits", () => {
  const p = logOf([0.1, 0.4, 0.2, 0.3], [0.97, 0.01, 0.01, 0.01]);

  it("top-k keeps the k best, and ties of the last", () => {
    expect(kept(keepTopK(p, 2))).toEqual([
      [1, 3],
      [0, 1, 2, 3],
    ]);
    expect(rows(keepTopK(p, 4))).toEqual(rows(p));
  });

  it("top-p keeps the smallest set that holds the probability, and always the best", () => {
    expect(kept(keepTopP(p, 0.7))).toEqual([[1, 3], [0]]);
    expect(kept(keepTopP(p, 0.71))).toEqual([[1, 2, 3], [0]]);
    expect(kept(keepTopP(p, 1e-6))).toEqual([[1], [0]]);
  });

  it("min-p keeps what is at least so probable as a share of the best", () => {
    expect(kept(keepMinP(p, 0.49))).toEqual([[1, 2, 3], [0]]);
    expect(kept(keepMinP(p, 0.74))).toEqual([[1, 3], [0]]);
  });

  it("the repetition penalty divides positive logits of seen tokens and multiplies negative ones", () => {
    const logits = tf.tensor2d([[2, -2, 3, -3]]);
    expect(rows(penalize(logits, tf.tensor2d([[1, 1, 0, 0]]), 2))).toEqual([[1, -4, 3, -3]]);
  });

  it("are processed in the documented order: penalty, temperature, top-k, top-p, min-p", () => {
    const logits = tf.tensor2d([[4, 3, 2, 1]]);
    const seen = tf.tensor2d([[1, 0, 0, 0]]);
    const options = { temperature: 0.5, topK: 3, topP: 0.9, minP: 0.1, repetitionPenalty: 4 };
    // penalty: 1 3 2 1; temperature: 2 6 4 2, so probabilities .016 .853 .115 .016: top-p leaves tokens 1 and 2, and min-p both of them
    expect(kept(processLogits(logits, options, seen))).toEqual([[1, 2]]);
    // without the penalty: 8 6 4 2, so .865 .117 .016 .002
    expect(kept(processLogits(logits, { ...options, repetitionPenalty: 1 }, seen))).toEqual([[0, 1]]);
    // the temperature comes before top-p: a hot one leaves more tokens
    expect(kept(processLogits(logits, { ...neutral, temperature: 4, topP: 0.6 }))).toEqual([[0, 1]]);
    expect(kept(processLogits(logits, { ...neutral, topP: 0.6 }))).toEqual([[0]]);
  });

  it("leave everything as it is by default", () => {
    const { temperature, topK, topP, minP, repetitionPenalty } = arSampleOptions.parse({});
    expect(rows(processLogits(p, { temperature, topK, topP, minP, repetitionPenalty }))).toEqual(rows(p));
  });
});
