import { adamUpdate } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import {
  type LearningRate,
  learningRateAt,
  nextCount,
  type Optimizer,
  type OptState,
  type Stepped,
} from "./optimizer.js";
import { selectTree, updateLeaves, zerosLikeTree } from "./trees.js";

/** Options of {@link adam}. */
export interface AdamOptions {
  /** @default 1e-3 */
  readonly learningRate?: LearningRate;
  /** Decay of the mean of gradients. @default 0.9 */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients. @default 0.999 */
  readonly beta2?: number;
  /** Added to the root of the second moment. @default 1e-8 */
  readonly epsilon?: number;
}

/** Options of {@link adamw}. */
export interface AdamWOptions extends AdamOptions {
  /** Share of `learningRate` by which parameters shrink. @default 0.01 */
  readonly weightDecay?: number;
  /** Which parameters decay. @default those of rank 2 and more: kernels, not biases, scales or offsets */
  readonly decays?: (path: string, param: tf.Tensor) => boolean;
}

/**
 * `1 - beta^t` for float32 `t >= 1` as `2 h / (1 + h)`, `h = tanh(-t ln(beta) / 2)`.
 * Taken literally the difference loses four digits at `beta = 0.999`.
 */
export function biasCorrection(beta: number, t: tf.Tensor): tf.Tensor {
  const h = tf.tanh(tf.mul(t, -Math.log(beta) / 2));
  return tf.div(tf.mul(h, 2), tf.add(h, 1));
}

/** Adam. Kingma & Ba, 2014, Algorithm 1. State: `count`, `m`, `v`. https://arxiv.org/abs/1412.6980 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamw({ ...options, weightDecay: 0 });
}

/**
 * Adam with decoupled weight decay: `p <- p (1 - lr * weightDecay)`, then the Adam update.
 * Loshchilov & Hutter, 2017, Algorithm 2. State: `count`, `m`, `v`. https://arxiv.org/abs/1711.05101
 */
export function adamw(options: AdamWOptions = {}): Optimizer {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options;
  const decays = options.decays ?? ((_path, param) => param.rank >= 2);
  return {
    init: (params) => ({ count: tf.scalar(0, "int32"), m: zerosLikeTree(params), v: zerosLikeTree(params) }),
    step(params, grads, state, { step, apply }): Stepped {
      const { count, t } = nextCount(state.count as tf.Tensor);
      const rate = learningRateAt(learningRate, step);
      const scalars = {
        learningRate: rate,
        correction1: biasCorrection(beta1, t),
        correction2: biasCorrection(beta2, t),
      };
      const shrink = tf.sub(1, tf.mul(rate, weightDecay));
      const { m, v } = state as { m: OptState; v: OptState };
      const next = updateLeaves({ params, grads, m, v }, (leaf, path) => {
        const param = weightDecay !== 0 && decays(path, leaf.params) ? tf.mul(leaf.params, shrink) : leaf.params;
        const [p, m, v] = adamUpdate({ param, grad: leaf.grads, m: leaf.m, v: leaf.v }, scalars, {
          beta1,
          beta2,
          epsilon,
        });
        return { params: p, m, v };
      });
      const stepped = { params: next.params, state: { count, m: next.m, v: next.v } };
      return selectTree(apply, stepped, { params, state }) as Stepped;
    },
  };
}
