import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { sumData } from "./elementwise.js";
import type { Transform } from "./transform.js";

/**
 * `y = logit(s)` with `s = a + (1 - 2 a) x` for `x` in [0, 1], which takes a bounded interval to the whole line.
 * `log|det| = sum log(1 - 2 a) - log s - log(1 - s)`. Real NVP (Dinh et al., 2016), §4.1. https://arxiv.org/abs/1605.08803
 *
 * @param alpha `a`, a small positive number. Values outside [0, 1] are taken for its ends.
 */
export function logit(alpha: number): Transform<any> {
  const width = 1 - 2 * alpha;
  // log s + log(1 - s) = -softplus(y) - softplus(-y), exact where 1 - s has no digits left
  const logWidths = (y: Tensor) => tf.neg(tf.add(tf.softplus(y), tf.softplus(tf.neg(y))));
  return {
    init: () => ({}),
    encode(_params, x) {
      const s = tf.add(tf.mul(tf.clipByValue(x, 0, 1), width), alpha);
      const y = tf.sub(tf.log(s), tf.log(tf.sub(1, s)));
      return { y, logDet: sumData(tf.sub(Math.log(width), logWidths(y))) };
    },
    decode(_params, z) {
      const x = tf.div(tf.sub(tf.sigmoid(z), alpha), width);
      return { y: x, logDet: sumData(tf.sub(logWidths(z), Math.log(width))) };
    },
  };
}
