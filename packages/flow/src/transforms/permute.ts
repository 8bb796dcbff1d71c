import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { randomOrder } from "./orthogonal.js";
import type { Transform } from "./transform.js";

/**
 * Features (last axis) in another order: `y_i = x_{order[i]}`. Volumes stay.
 *
 * @param order `reverse`, or a number that decides a random order.
 */
export function permute(features: number, order: "reverse" | number): Transform<any> {
  const from =
    order === "reverse" ? Array.from({ length: features }, (_, i) => features - 1 - i) : randomOrder(features, order);
  const matrix = new Float32Array(features * features);
  from.forEach((source, i) => {
    matrix[source * features + i] = 1;
  });
  // A product with a permutation matrix is exact, and so is its gradient: gathers have slow ones.
  const apply = (x: Tensor, transposed: boolean) => {
    const P = tf.tensor(matrix, [features, features]);
    const y = tf.matMul(tf.reshape(x, [x.size / features, features]), P, false, transposed);
    return { y: tf.reshape(y, x.shape), logDet: tf.zeros([x.shape[0] as number]) };
  };
  return {
    init: () => ({}),
    encode: (_params, x) => apply(x, false),
    decode: (_params, z) => apply(z, true),
  };
}
