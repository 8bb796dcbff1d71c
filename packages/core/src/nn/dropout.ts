import { type Key, UserError, uniform } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/**
 * Zeroes elements with probability `rate` and divides the others by `1 - rate`.
 * Srivastava et al., 2014, §4. https://jmlr.org/papers/v15/srivastava14a.html
 *
 * @param key Absent at test time: `x` as it is.
 * @throws UserError when `rate` is not in [0, 1).
 */
export function dropout(key: Key | undefined, x: tf.Tensor, rate: number): tf.Tensor {
  if (!(rate >= 0 && rate < 1)) {
    throw new UserError("@latentkit/core", `dropout rate must be at least 0 and below 1, got ${rate}; choose e.g. 0.1`);
  }
  if (key === undefined || rate === 0) return x;
  const kept = tf.cast(tf.greaterEqual(uniform(key, x.shape), rate), "float32");
  return tf.mul(x, tf.mul(kept, 1 / (1 - rate)));
}
