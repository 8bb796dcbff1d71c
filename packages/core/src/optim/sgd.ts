import * as tf from "@tensorflow/tfjs-core";
import { type LearningRate, learningRateAt, type Optimizer, type OptState, type Stepped } from "./optimizer.js";
import { selectTree, updateLeaves, zerosLikeTree } from "./trees.js";

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** @default 0.01 */
  readonly learningRate?: LearningRate;
  /** Decay of the velocity; 0 keeps none. @default 0 */
  readonly momentum?: number;
  /** Looks ahead along the velocity. @default false */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent: `u <- momentum u + g`, `p <- p - lr u`; with Nesterov's momentum `p <- p - lr (g + momentum u)`.
 * Sutskever et al., 2013, §2, in the form without the learning rate inside the velocity. https://proceedings.mlr.press/v28/sutskever13.html
 * State: `velocity`, absent without momentum.
 */
export function sgd({ learningRate = 0.01, momentum = 0, nesterov = false }: SgdOptions = {}): Optimizer {
  return {
    init: (params) => (momentum === 0 ? {} : { velocity: zerosLikeTree(params) }),
    step(params, grads, state, { step, apply }): Stepped {
      const rate = learningRateAt(learningRate, step);
      if (momentum === 0) {
        const next = updateLeaves({ params, grads }, (leaf) => ({
          params: tf.sub(leaf.params, tf.mul(leaf.grads, rate)),
        }));
        return { params: selectTree(apply, next.params, params), state };
      }
      const next = updateLeaves({ params, grads, velocity: state.velocity as OptState }, (leaf) => {
        const velocity = tf.add(tf.mul(leaf.velocity, momentum), leaf.grads);
        const direction = nesterov ? tf.add(leaf.grads, tf.mul(velocity, momentum)) : velocity;
        return { params: tf.sub(leaf.params, tf.mul(direction, rate)), velocity };
      });
      const stepped = { params: next.params, state: { velocity: next.velocity } };
      return selectTree(apply, stepped, { params, state }) as Stepped;
    },
  };
}
