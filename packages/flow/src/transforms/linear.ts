import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { rotationMatrix } from "./orthogonal.js";
import type { Transform } from "./transform.js";

/** How a {@link linear} begins. */
export interface LinearOptions {
  /** Number of features F. */
  readonly features: number;
  /** `identity`, or a random rotation that depends on this number alone. @default "identity" */
  readonly rotation?: "identity" | number;
}

/**
 * `y = x R L U + bias` over the last axis: a fixed rotation `R`, a unit lower triangle and an upper triangle with positive diagonal, so that the
 * log-determinant is the sum of the logs of that diagonal. On images it is the invertible 1x1 convolution.
 * Glow (Kingma & Dhariwal, 2018), §3.2, with the LU form of its eq. 10; the identity as first value after Durkan et al., 2019, §4.1.
 * https://arxiv.org/abs/1807.03039 https://arxiv.org/abs/1906.04032
 */
export function linear({ features: F, rotation = "identity" }: LinearOptions): Transform<any> {
  type Params = Readonly<Record<"lower" | "upper" | "logDiagonal" | "bias", Tensor>>;
  const R = () => (rotation === "identity" ? undefined : tf.tensor(rotationMatrix(F, rotation), [F, F]));
  const volume = (x: Tensor, logDiagonal: Tensor) => {
    const B = x.shape[0] as number;
    return tf.mul(tf.ones([B]), tf.mul(tf.sum(logDiagonal), x.size / B / F));
  };
  const times = (x: Tensor, W: Tensor) => tf.reshape(tf.matMul(tf.reshape(x, [x.size / F, F]), W), x.shape);
  return {
    init: () => ({ lower: tf.zeros([F, F]), upper: tf.zeros([F, F]), logDiagonal: tf.zeros([F]), bias: tf.zeros([F]) }),
    encode({ lower, upper, logDiagonal, bias }: Params, x) {
      const L = tf.add(tf.mul(lower, triangle(F, "lower")), tf.eye(F));
      const U = tf.add(tf.mul(upper, triangle(F, "upper")), tf.mul(tf.eye(F), tf.exp(logDiagonal)));
      const rotated = R();
      const W = tf.matMul(rotated === undefined ? L : tf.matMul(rotated, L), U);
      return { y: tf.add(times(x, W), bias), logDet: volume(x, logDiagonal) };
    },
    decode({ lower, upper, logDiagonal, bias }: Params, z) {
      const unitUpper = tf.div(tf.mul(upper, triangle(F, "upper")), tf.expandDims(tf.exp(logDiagonal), 1)); // U = D (I + N)
      const inverseUpper = tf.transpose(invertUnitLower(tf.transpose(unitUpper)));
      const inverseU = tf.mul(inverseUpper, tf.expandDims(tf.exp(tf.neg(logDiagonal)), 0));
      const inverseW = tf.matMul(inverseU, invertUnitLower(tf.mul(lower, triangle(F, "lower"))));
      const rotated = R();
      const W = rotated === undefined ? inverseW : tf.matMul(inverseW, rotated, false, true);
      return { y: times(tf.sub(z, bias), W), logDet: tf.neg(volume(z, logDiagonal)) };
    },
  };
}

/** Ones strictly below (`lower`) or above (`upper`) the diagonal. */
function triangle(F: number, which: "lower" | "upper"): Tensor {
  const values = new Float32Array(F * F);
  for (let i = 0; i < F; i++) for (let j = 0; j < F; j++) if (which === "lower" ? j < i : j > i) values[i * F + j] = 1;
  return tf.tensor(values, [F, F]);
}

/** `(I + N)^-1` for strictly lower triangular `N`, by halves: as accurate as substitution, in matrix products. */
function invertUnitLower(N: Tensor): Tensor {
  const F = N.shape[0] as number;
  if (F === 1) return tf.ones([1, 1]);
  if (F === 2) return tf.sub(tf.eye(2), N); // N^2 = 0
  const h = Math.floor(F / 2);
  const a = invertUnitLower(tf.slice(N, [0, 0], [h, h]));
  const b = invertUnitLower(tf.slice(N, [h, h], [F - h, F - h]));
  const corner = tf.neg(tf.matMul(tf.matMul(b, tf.slice(N, [h, 0], [F - h, h])), a));
  return tf.concat([tf.concat([a, tf.zeros([h, F - h])], 1), tf.concat([corner, b], 1)], 0);
}
