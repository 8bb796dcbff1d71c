import { flatten, fold, type Key, mapTree, normal, stopGradient, type TensorTree, unflatten } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/*
 * Spectral normalisation: every kernel W is used as W / sigma(W), its largest singular value, so that no layer stretches distances.
 * Miyato, Kataoka, Koyama, Yoshida, "Spectral normalization for generative adversarial networks", 2018, §2.1, Algorithm 1.
 * https://arxiv.org/abs/1802.05957
 */

/** Power-iteration vectors `u` at the paths of their kernels, each of shape `(out,)`: model state. */
export type SpectralVectors = TensorTree;

/** Iterations before the first step, so that sigma is right from the beginning. */
const WARM_UP = 15;

const isKernel = (path: string): boolean => path === "kernel" || path.endsWith(".kernel");

/** A kernel `(..., in, out)` as a matrix `(rest, out)`. */
function matrixOf(kernel: Tensor): Tensor {
  return tf.reshape(kernel, [-1, kernel.shape[kernel.rank - 1] as number]);
}

const unit = (x: Tensor): Tensor => tf.div(x, tf.add(tf.norm(x), 1e-12));

/** `v = W u / |W u|`, shape `(rest,)`, and then `W^T v / |W^T v|`, shape `(out,)`. */
function iterate(matrix: Tensor, u: Tensor): { u: Tensor; v: Tensor } {
  const column = (x: Tensor) => tf.reshape(x, [-1, 1]);
  const v = unit(tf.reshape(tf.matMul(matrix, column(u)), [-1]));
  return { v, u: unit(tf.reshape(tf.matMul(matrix, column(v), true), [-1])) };
}

/** First vectors of every kernel of a tree, close to its singular vectors already. */
export function spectralInit(key: Key, params: TensorTree): SpectralVectors {
  const kernels = flatten(params).filter(([path]) => isKernel(path));
  const vectors = kernels.map(([path, kernel]): [string, Tensor] => {
    const matrix = matrixOf(kernel);
    let u = unit(normal(fold(key, path), [matrix.shape[1] as number]));
    for (let i = 0; i < WARM_UP; i++) u = iterate(matrix, u).u;
    return [path, u];
  });
  return unflatten(vectors) as SpectralVectors;
}

/**
 * Every kernel divided by its largest singular value, estimated as `sigma = v^T W u`. Gradients flow through sigma, not through u and v.
 *
 * @param update Whether to take one power iteration first, as a training step of the discriminator does; everything else uses u as it is.
 * @returns The parameters to use, and the vectors of the next step.
 */
export function spectralNormalize(
  params: TensorTree,
  vectors: SpectralVectors,
  { update }: { readonly update: boolean },
): { params: TensorTree; vectors: SpectralVectors } {
  const known = new Map(flatten(vectors));
  const next = new Map<string, Tensor>();
  const normalized = mapTree(params, (param, path) => {
    const old = known.get(path);
    if (old === undefined) return param;
    const matrix = matrixOf(param);
    const step = iterate(stopGradient(matrix), old);
    const u = update ? stopGradient(step.u) : old;
    next.set(path, u);
    const v = stopGradient(step.v);
    const sigma = tf.sum(tf.mul(v, tf.reshape(tf.matMul(matrix, tf.reshape(u, [-1, 1])), [-1])));
    return tf.div(param, sigma);
  });
  return { params: normalized, vectors: mapTree(vectors, (old, path) => next.get(path) ?? old) };
}
