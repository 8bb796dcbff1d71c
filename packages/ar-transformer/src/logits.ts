import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** Logit of a token that may not be drawn. */
export const FORBIDDEN = -1e30;

/** What happens to logits before a token is chosen. */
export interface LogitsOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
}

/**
 * All of it in its fixed order: repetition penalty, temperature, top-k, top-p, min-p. A temperature of 0 leaves the scale: the best token is the same.
 *
 * @param logits Shape `(B, V)`. @param seen 1 where a token has occurred, float32 `(B, V)`; needed for the penalty only.
 */
export function processLogits(logits: Tensor, options: LogitsOptions, seen?: Tensor): Tensor {
  let x = logits;
  if (options.repetitionPenalty !== 1 && seen !== undefined) x = penalize(x, seen, options.repetitionPenalty);
  if (options.temperature > 0 && options.temperature !== 1) x = tf.mul(x, 1 / options.temperature);
  if (options.topK > 0) x = keepTopK(x, options.topK);
  if (options.topP < 1) x = keepTopP(x, options.topP);
  if (options.minP > 0) x = keepMinP(x, options.minP);
  return x;
}

/** Logits of tokens that occurred: divided by `penalty` when positive, multiplied when negative. Keskar et al., 2019, §4.1. https://arxiv.org/abs/1909.05858 */
export function penalize(logits: Tensor, seen: Tensor, penalty: number): Tensor {
  const punished = tf.where(tf.greater(logits, 0), tf.mul(logits, 1 / penalty), tf.mul(logits, penalty));
  return tf.where(tf.greater(seen, 0), punished, logits);
}

/** The `k` largest logits, and those equal to the smallest of them. */
export function keepTopK(logits: Tensor, k: number): Tensor {
  const size = logits.shape[1] as number;
  if (k >= size) return logits;
  const { values } = tf.topk(logits as tf.Tensor2D, k); // (B, k), descending
  return atLeast(logits, tf.slice(values, [0, k - 1], [-1, 1]));
}

/**
 * The smallest set of most probable tokens that holds probability `p`. Holtzman et al., 2019, §3.1. https://arxiv.org/abs/1904.09751
 * The most probable one always stays; tokens as probable as the last one of the set stay with it.
 */
export function keepTopP(logits: Tensor, p: number): Tensor {
  const [batch, size] = logits.shape as [number, number];
  const { values } = tf.topk(logits as tf.Tensor2D, size);
  const probabilities = tf.softmax(values);
  const before = tf.sub(tf.cumsum(probabilities, 1), probabilities); // held by the more probable ones
  const smallest = tf.min(tf.where(tf.less(before, p), values, tf.fill([batch, size], -FORBIDDEN)), 1, true);
  return atLeast(logits, smallest);
}

/** Tokens at least `share` times as probable as the most probable one. Nguyen et al., 2024, §3. https://arxiv.org/abs/2407.01082 */
export function keepMinP(logits: Tensor, share: number): Tensor {
  return atLeast(logits, tf.add(tf.max(logits, 1, true), Math.log(share)));
}

/** @param threshold Shape `(B, 1)`. */
function atLeast(logits: Tensor, threshold: Tensor): Tensor {
  return tf.where(tf.greaterEqual(logits, threshold), logits, tf.fill(logits.shape, FORBIDDEN));
}
