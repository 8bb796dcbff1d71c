import * as tf from "@tensorflow/tfjs-core";
import { type LearningRate, learningRateAt, type Optimizer, type OptState, type Stepped } from "./optimizer.js";
import { selectTree, updateLeaves, zerosLikeTree } from "./trees.js";

/** Options of {@link lion}. */
export interface LionOptions {
  /** A third to a tenth of what Adam takes. @default 1e-4 */
  readonly learningRate?: LearningRate;
  /** Weight of the momentum in the direction. @default 0.9 */
  readonly beta1?: number;
  /** Decay of the momentum. @default 0.99 */
  readonly beta2?: number;
  /** Decoupled weight decay, three to ten times that of AdamW. @default 0 */
  readonly weightDecay?: number;
  /** Which parameters decay. @default those of rank 2 and more */
  readonly decays?: (path: string, param: tf.Tensor) => boolean;
}

/**
 * Lion: `p <- p - lr (sign(beta1 m + (1 - beta1) g) + weightDecay p)`, `m <- beta2 m + (1 - beta2) g`.
 * Chen et al., 2023, Algorithm 2. State: `m`. https://arxiv.org/abs/2302.06675
 */
export function lion(options: LionOptions = {}): Optimizer {
  const { learningRate = 1e-4, beta1 = 0.9, beta2 = 0.99, weightDecay = 0 } = options;
  const decays = options.decays ?? ((_path, param) => param.rank >= 2);
  return {
    init: (params) => ({ m: zerosLikeTree(params) }),
    step(params, grads, state, { step, apply }): Stepped {
      const rate = learningRateAt(learningRate, step);
      const next = updateLeaves({ params, grads, m: state.m as OptState }, (leaf, path) => {
        const sign = tf.sign(tf.add(tf.mul(leaf.m, beta1), tf.mul(leaf.grads, 1 - beta1)));
        const decaying = weightDecay !== 0 && decays(path, leaf.params);
        const direction = decaying ? tf.add(sign, tf.mul(leaf.params, weightDecay)) : sign;
        const m = tf.add(tf.mul(leaf.m, beta2), tf.mul(leaf.grads, 1 - beta2));
        return { params: tf.sub(leaf.params, tf.mul(direction, rate)), m };
      });
      return selectTree(apply, { params: next.params, state: { m: next.m } }, { params, state }) as Stepped;
    },
  };
}
