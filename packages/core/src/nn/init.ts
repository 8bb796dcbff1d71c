import { type Key, normal, truncatedNormal, uniform } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { orthogonalize } from "../optim/muon.js";

/** How many inputs an output of a layer sees, and how many outputs an input reaches. */
export interface Fans {
  readonly in: number;
  readonly out: number;
}

/** Draws the first value of a parameter. */
export type Initializer = (key: Key, shape: readonly number[], fans: Fans) => tf.Tensor;

/** Zeros. */
export const zeros: Initializer = (_key, shape) => tf.zeros([...shape]);

/** Ones. */
export const ones: Initializer = (_key, shape) => tf.ones([...shape]);

/** Normal with mean 0 and a given standard deviation. */
export function normalInit(std: number): Initializer {
  return (key, shape) => tf.mul(normal(key, shape), std);
}

/** Normal with mean 0, cut off at two standard deviations; `std` is the deviation before the cut. */
export function truncatedNormalInit(std: number): Initializer {
  return (key, shape) => tf.mul(truncatedNormal(key, shape), std);
}

/** Uniform in `[-limit, limit)`. */
export function uniformInit(limit: number): Initializer {
  return (key, shape) => uniform(key, shape, -limit, limit);
}

/** Uniform with variance `2 / (in + out)`. Glorot & Bengio, 2010, eq. 16. https://proceedings.mlr.press/v9/glorot10a.html */
export const glorotUniform: Initializer = (key, shape, fans) =>
  uniformInit(Math.sqrt(6 / (fans.in + fans.out)))(key, shape, fans);

/** Normal with variance `2 / (in + out)`. Glorot & Bengio, 2010, eq. 12. https://proceedings.mlr.press/v9/glorot10a.html */
export const glorotNormal: Initializer = (key, shape, fans) =>
  normalInit(Math.sqrt(2 / (fans.in + fans.out)))(key, shape, fans);

/** Uniform with variance `2 / in`, for ReLU networks. He et al., 2015, §2.2. https://arxiv.org/abs/1502.01852 */
export const heUniform: Initializer = (key, shape, fans) => uniformInit(Math.sqrt(6 / fans.in))(key, shape, fans);

/** Normal with variance `2 / in`, for ReLU networks. He et al., 2015, eq. 10. https://arxiv.org/abs/1502.01852 */
export const heNormal: Initializer = (key, shape, fans) => normalInit(Math.sqrt(2 / fans.in))(key, shape, fans);

/** Uniform in `±1 / sqrt(in)`, for kernels and biases alike: what PyTorch's `nn.Linear` and `nn.Conv2d` begin with. */
export const torchUniform: Initializer = (key, shape, fans) => uniformInit(1 / Math.sqrt(fans.in))(key, shape, fans);

/**
 * A random orthogonal matrix (orthonormal rows or columns, whichever are fewer) times `gain`. Kernels of higher rank are seen as `(inputs, out)`.
 * Saxe et al., 2013, §1. https://arxiv.org/abs/1312.6120
 *
 * It is the polar factor of a normal matrix, which is uniformly distributed over orthogonal matrices, found by Newton-Schulz iterations:
 * unlike a QR decomposition a few matrix products, whatever the size.
 */
export function orthogonal(gain = 1): Initializer {
  return (key, shape) => {
    const columns = shape[shape.length - 1] as number;
    const rows = shape.reduce((product, dim) => product * dim, 1) / columns;
    const wide = rows <= columns;
    const start = normal(key, wide ? [rows, columns] : [columns, rows]);
    let x = orthogonalize(start, 14); // singular values from 1e-7 of the largest on now are between 0.6 and 1.3
    for (let i = 0; i < 7; i++) x = tf.sub(tf.mul(x, 1.5), tf.matMul(tf.mul(tf.matMul(x, x, false, true), 0.5), x));
    return tf.reshape(tf.mul(wide ? x : tf.transpose(x), gain), [...shape]);
  };
}
