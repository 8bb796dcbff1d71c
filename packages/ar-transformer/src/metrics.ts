import type { HostTensor, ModelMetric } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** What a network says of every target, `(B, T)` each. */
export interface Scores {
  /** `-log p`, nats. */
  readonly losses: Tensor;
  /** 1 where another token was more probable. */
  readonly errors: Tensor;
  /** 1 where a target counts. */
  readonly weights: Tensor;
}

/** Scores of a batch: what {@link tokenMetrics} are computed from. */
type Score = (params: any, state: any, batch: any) => Scores;

/** A sum over the tokens of an example, and how many there are: `(B, 2)`. */
function perToken(pick: (scores: Scores) => Tensor, score: Score): ModelMetric["perExample"] {
  return (params, state, batch) => {
    const scores = score(params, state, batch);
    return tf.stack([tf.sum(tf.mul(pick(scores), scores.weights), 1), tf.sum(scores.weights, 1)], 1);
  };
}

/**
 * The mean over all tokens of a split from sums and counts of its examples; the error is that of a ratio of two means.
 *
 * @param perExample Shape `(n, 2)`.
 */
function ratio({ data, shape }: HostTensor): { value: number; stderr: number; n: number } {
  const n = shape[0] as number;
  let [sum, count] = [0, 0];
  for (let i = 0; i < n; i++) {
    sum += data[2 * i] as number;
    count += data[2 * i + 1] as number;
  }
  const value = sum / count;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((data[2 * i] as number) - value * (data[2 * i + 1] as number)) ** 2;
  return { value, stderr: n > 1 ? Math.sqrt((squares * n) / (n - 1)) / count : Number.NaN, n };
}

/**
 * Numbers that are means over the tokens of the whole split, not over batches of it.
 *
 * @param watched Whether the loss is followed during training; of images `logProb` says the same.
 */
export function tokenMetrics(score: Score, watched: boolean): Record<string, ModelMetric> {
  const nats = perToken(({ losses }) => losses, score);
  return {
    loss: {
      unit: "nats/token",
      summary: "cross-entropy a token, each token of the split once",
      everyEvaluation: watched,
      perExample: nats,
      aggregate: ratio,
      ...(watched ? { monitor: 20_000 } : {}),
    },
    perplexity: {
      unit: "tokens",
      summary: "exp of the cross-entropy: as uncertain as among so many equally probable tokens",
      perExample: nats,
      aggregate: (values) => {
        const { value, stderr, n } = ratio(values);
        return { value: Math.exp(value), stderr: Math.exp(value) * stderr, n };
      },
    },
    tokenError: {
      unit: "of tokens",
      summary: "share of tokens that are not the most probable one, all before them given",
      perExample: perToken(({ errors }) => errors, score),
      aggregate: ratio,
    },
  };
}
