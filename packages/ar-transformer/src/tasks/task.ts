import type { Batch, Key, TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** What a network reads and what it has to predict, for one batch. */
export interface Sequences {
  /** Token ids read, int32 `(B, T)`. */
  readonly inputs: Tensor;
  /** The token after each of them, int32 `(B, T)`. */
  readonly targets: Tensor;
  /** 1 where a target counts, 0 where it is padding, float32 `(B, T)`; all count when absent. */
  readonly weights?: Tensor;
  /** Of pairs, int32 `(B, S)`, padded. */
  readonly source?: Tensor;
}

/** How one kind of data becomes sequences of tokens, and generated tokens data. */
export interface Task {
  /** Tokens that are predicted, V. */
  readonly outputs: number;
  /** Rows that the embedding needs: V, and one for a begin token of the model's own. */
  readonly vocabSize: number;
  /** T: predictions an example. */
  readonly length: number;
  /** Heads of keys and values unless options say otherwise; as many as there are heads when absent. */
  readonly nKvHead?: number;
  /** S: longest source; absent without one. */
  readonly sourceLength?: number;
  /** Ends a generated sequence; what comes after it is `pad`. */
  readonly eos?: number;
  /** What fills a sequence behind its end. */
  readonly pad: number;
  /** What the model keeps of its first batch to generate without being given anything; paths of the model's state. */
  readonly initState: (batch: Batch, key: Key) => TensorTree;
  readonly sequences: (state: any, batch: Batch) => Sequences;
  /** What a sequence begins with when nothing is given, int32 `(n, 1)`. */
  readonly begin: (state: any, key: Key, n: number) => Tensor;
  /** Whether what {@link Task.begin} gives is part of a datum. */
  readonly beginCounts: boolean;
  /** Sources to answer when none are given, int32 `(n, S)`. */
  readonly sources?: (state: any, n: number) => Tensor;
  /** Data of generated tokens. @param tokens int32 `(n, length)`. */
  readonly toData: (state: any, tokens: Tensor) => Tensor;
  /** What a reader must know to compare likelihoods. */
  readonly note?: string;
}

/** Rows of the first batch that a model keeps. */
export const KEPT_ROWS = 16;

/** As many rows as are asked for, from the first on and around. @param x Shape `(B, ...)`. @returns Shape `(n, ...)`. */
export function cycledRows(x: Tensor, n: number): Tensor {
  const rows = Array.from({ length: n }, (_, i) => i % (x.shape[0] as number));
  return tf.gather(x, tf.tensor1d(rows, "int32"));
}
