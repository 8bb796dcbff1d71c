import type { Key, TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** What a network sees beside the noisy data. */
export interface Conditions {
  /** Noise levels, shape `(B,)`: the number that time embeddings get, roughly 0 (data) to 1000 (noise), whatever the process. */
  readonly time: Tensor;
  /** int32, shape `(B,)`, when there are classes; the last class, `classes - 1`, is the null class: none asked for. */
  readonly label?: Tensor;
}

/** Noisy data to a prediction of the same shape: a pure function, whatever is predicted. */
export interface Network {
  init(key: Key): TensorTree;
  /**
   * @param x Noisy data `(B, ...shape)`, scaled so that values are of order 1.
   * @param key Of dropout; present in training only.
   * @returns Shape of `x`; zeros at the start of training, or near them.
   */
  apply(params: TensorTree, x: Tensor, conditions: Conditions, key?: Key): Tensor;
}

/** What a network is built for. */
export interface NetworkSubject {
  /** Of one datum: `[28, 28, 1]`, `[2]`. */
  readonly shape: readonly number[];
  /** Classes with the null class among them; absent when unconditional. */
  readonly classes: number | undefined;
}
