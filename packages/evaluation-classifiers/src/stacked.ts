import type { TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CLASSES, type CnnParams, cnn, FEATURES } from "./network.js";

/**
 * Digits stacked as channels, each classified on its own: class `100 a + 10 b + c` has the product of the three probabilities.
 * Metz et al., 2016, §3.3.1. https://arxiv.org/abs/1611.02163
 *
 * @param x Shape `(B, 28, 28, 3)`. @returns `features`, shape `(B, 192)`, and `probabilities`, shape `(B, 1000)`.
 */
export function stackedDigits(params: TensorTree, x: Tensor): { features: Tensor; probabilities: Tensor } {
  const [B = 0] = x.shape;
  const [a, b, c] = tf.split(x, 3, 3).map((digit) => {
    const { features, logits } = cnn(params as CnnParams, digit); // (B, 64), (B, 10)
    return { features, p: tf.softmax(logits) };
  }) as [Graded, Graded, Graded];
  const pairs = tf.mul(tf.reshape(a.p, [B, CLASSES, 1]), tf.reshape(b.p, [B, 1, CLASSES])); // (B, 10, 10)
  const triples = tf.mul(tf.reshape(pairs, [B, CLASSES ** 2, 1]), tf.reshape(c.p, [B, 1, CLASSES])); // (B, 100, 10)
  return {
    features: tf.reshape(tf.concat([a.features, b.features, c.features], 1), [B, 3 * FEATURES]),
    probabilities: tf.reshape(triples, [B, CLASSES ** 3]),
  };
}

interface Graded {
  readonly features: Tensor;
  readonly p: Tensor;
}
