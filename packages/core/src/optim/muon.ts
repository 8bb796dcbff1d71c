import { flatten, mapTree, unflatten } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import type { TensorTree } from "../tensor-tree.js";
import { type AdamOptions, adam } from "./adam.js";
import { type LearningRate, learningRateAt, type Optimizer, type OptState, type Stepped } from "./optimizer.js";
import { leavesOf, selectTree, updateLeaves, zerosLikeTree } from "./trees.js";

/** Options of {@link muon}. */
export interface MuonOptions {
  /** Of the matrices: the size of an orthogonal update. @default 0.02 */
  readonly learningRate?: LearningRate;
  /** Decay of the momentum. @default 0.95 */
  readonly momentum?: number;
  /** Looks ahead along the momentum. @default true */
  readonly nesterov?: boolean;
  /** Share of `learningRate` by which matrices shrink. @default 0 */
  readonly weightDecay?: number;
  /** Newton-Schulz iterations. @default 5 */
  readonly iterations?: number;
  /** Which rank-2 parameters are treated as matrices. @default all but embeddings (last name `embedding`) */
  readonly matrices?: (path: string, param: tf.Tensor) => boolean;
  /** Adam of everything else. @default learningRate 3e-4, beta1 0.9, beta2 0.95, epsilon 1e-10 */
  readonly adam?: AdamOptions;
}

/** Coefficients that make the slope at zero large and keep singular values near 1. */
const [A, B, C] = [3.4445, -4.775, 2.0315] as const;

/**
 * A matrix with the singular vectors of `g` and singular values near 1 (0.7 to 1.2 after 5 iterations):
 * `X <- a X + (b X X^T + c (X X^T)^2) X`, from `X = g / |g|`.
 * Keller Jordan, "Muon: an optimizer for hidden layers in neural networks", 2024. https://kellerjordan.github.io/posts/muon/
 *
 * @param g Shape `(in, out)`.
 */
export function orthogonalize(g: tf.Tensor, iterations = 5): tf.Tensor {
  const [rows, columns] = g.shape as [number, number];
  const wide = rows <= columns;
  const start = tf.div(g, tf.add(tf.sqrt(tf.sum(tf.square(g))), 1e-7));
  let x = wide ? start : tf.transpose(start);
  for (let i = 0; i < iterations; i++) {
    const gram = tf.matMul(x, x, false, true); // (n, n) with n the smaller side
    const polynomial = tf.add(tf.mul(gram, B), tf.mul(tf.matMul(gram, gram), C));
    x = tf.add(tf.mul(x, A), tf.matMul(polynomial, x));
  }
  return wide ? x : tf.transpose(x);
}

/** The leaves whose paths are in `paths`, as records: positions of arrays become names, which leaves paths as they are. */
function pick(tree: TensorTree, paths: ReadonlySet<string>, inside: boolean): OptState {
  return unflatten(flatten(tree).filter(([path]) => paths.has(path) === inside)) as OptState;
}

/**
 * Muon: momentum, orthogonalised, for matrices; Adam for biases, scales, convolutions and embeddings.
 * `u <- momentum u + (1 - momentum) g`, `p <- p (1 - lr weightDecay) - lr sqrt(max(1, out / in)) orthogonalize(u)`.
 * Keller Jordan, 2024. https://kellerjordan.github.io/posts/muon/
 *
 * Kernels are `(in, out)`. The last layer of a classifier or language model learns better with Adam: exclude it with `matrices`.
 * State: `momentum` of the matrices; `count`, `m`, `v` of the rest.
 */
export function muon(options: MuonOptions = {}): Optimizer {
  const { learningRate = 0.02, momentum = 0.95, nesterov = true, weightDecay = 0, iterations = 5 } = options;
  const rest = adam({ learningRate: 3e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-10, ...options.adam });
  const isMatrix = options.matrices ?? ((path) => path.split(".").at(-1) !== "embedding");
  const matrixPaths = (params: TensorTree) =>
    new Set(flatten(params).flatMap(([path, param]) => (param.rank === 2 && isMatrix(path, param) ? [path] : [])));

  function stepMatrices(params: OptState, grads: OptState, state: OptState, step: tf.Tensor) {
    const rate = learningRateAt(learningRate, step);
    return updateLeaves({ params, grads, momentum: state.momentum as OptState }, (leaf) => {
      const next = tf.add(tf.mul(leaf.momentum, momentum), tf.mul(leaf.grads, 1 - momentum));
      const ahead = tf.add(tf.mul(next, momentum), tf.mul(leaf.grads, 1 - momentum));
      const [rows, columns] = leaf.params.shape as [number, number];
      const update = tf.mul(orthogonalize(nesterov ? ahead : next, iterations), Math.sqrt(Math.max(1, columns / rows)));
      const shrunk = weightDecay === 0 ? leaf.params : tf.mul(leaf.params, tf.sub(1, tf.mul(rate, weightDecay)));
      return { params: tf.sub(shrunk, tf.mul(update, rate)), momentum: next };
    });
  }

  return {
    init(params) {
      const paths = matrixPaths(params);
      return { momentum: zerosLikeTree(pick(params, paths, true)), ...rest.init(pick(params, paths, false)) };
    },
    step(params, grads, state, { step, apply }): Stepped {
      const paths = matrixPaths(params);
      const [matrices, others] = [pick(params, paths, true), pick(params, paths, false)];
      const matrixNext = stepMatrices(matrices, pick(grads, paths, true), state, step);
      const { momentum: _, ...adamState } = state;
      const otherNext = rest.step(others, pick(grads, paths, false), adamState, { step });
      const leaves = new Map([...leavesOf(matrixNext.params), ...leavesOf(otherNext.params)]);
      const next = mapTree(params, (_old, path) => leaves.get(path) as tf.Tensor);
      const stepped = { params: next, state: { momentum: matrixNext.momentum, ...otherNext.state } };
      return selectTree(apply, stepped, { params, state }) as Stepped;
    },
  };
}
