import { mapTree, UserError } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import type { Optimizer, OptState, Stepped } from "./optimizer.js";
import { mapPair, selectTree, zerosLikeTree } from "./trees.js";

/**
 * Gradient accumulation inside the graph: `every` steps collect gradients, the last of them updates with their mean. Equal to one step on a
 * batch `every` times as large when the loss is a mean over the batch. Steps that the guard refuses are not collected.
 *
 * State: the optimizer's, with `accumulated.count` (int32) and `accumulated.sum` beside it.
 *
 * @throws UserError when `every` is not a whole number from 1.
 */
export function accumulate(optimizer: Optimizer, every: number): Optimizer {
  if (!Number.isInteger(every) || every < 1) {
    throw new UserError(
      "@latentkit/core",
      `accumulate: every must be a whole number from 1, got ${every}; choose e.g. 4`,
    );
  }
  if (every === 1) return optimizer;
  return {
    init(params) {
      const accumulated = { count: tf.scalar(0, "int32"), sum: zerosLikeTree(params) };
      return { ...optimizer.init(params), accumulated };
    },
    step(params, grads, { accumulated, ...inner }, { step, apply }): Stepped {
      const { count, sum } = accumulated as { count: tf.Tensor; sum: OptState };
      const keep = tf.cast(tf.greater(count, tf.scalar(0, "int32")), "float32"); // the old sum is dropped when a round begins
      const total = mapPair(sum, grads, (old, grad) => tf.add(tf.mul(old, keep), grad));
      const isLast = tf.equal(count, tf.scalar(every - 1, "int32"));
      const next = {
        count: tf.where(isLast, tf.zerosLike(count), tf.add(count, tf.scalar(1, "int32"))),
        sum: total,
      };
      const mean = mapTree(total, (x) => tf.div(x, every));
      const update = apply === undefined ? isLast : tf.logicalAnd(isLast, apply);
      const stepped = optimizer.step(params, mean, inner, { step, apply: update });
      return {
        params: stepped.params,
        state: { ...stepped.state, accumulated: selectTree(apply, next, { count, sum }) },
      };
    },
  };
}
