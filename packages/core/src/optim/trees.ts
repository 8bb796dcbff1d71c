import { flatten, mapTree } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import type { TensorTree } from "../tensor-tree.js";

/** The leaves of a tree by path. @throws Error when a tree that must have the same paths as `like` has others. */
export function leavesOf(tree: TensorTree, like?: TensorTree, name = "tree"): ReadonlyMap<string, tf.Tensor> {
  const leaves = new Map(flatten(tree));
  if (like === undefined) return leaves;
  const paths = flatten(like).map(([path]) => path);
  const missing = paths.find((path) => !leaves.has(path));
  const extra = leaves.size > paths.length ? [...leaves.keys()].find((path) => !paths.includes(path)) : undefined;
  if (missing !== undefined) throw new Error(`optim: ${name} has no tensor at "${missing}"`);
  if (extra !== undefined) throw new Error(`optim: ${name} has a tensor at "${extra}" that does not belong there`);
  return leaves;
}

/** `f` of the tensors at the same path in two trees, in the structure of the first. @throws Error when their paths differ. */
export function mapPair(
  a: TensorTree,
  b: TensorTree,
  f: (x: tf.Tensor, y: tf.Tensor, path: string) => tf.Tensor,
): TensorTree {
  const others = leavesOf(b, a, "the second tree");
  return mapTree(a, (x, path) => f(x, others.get(path) as tf.Tensor, path));
}

/** A tree of zeros in the shapes and dtypes of another. */
export function zerosLikeTree(tree: TensorTree): TensorTree {
  return mapTree(tree, (x) => tf.zeros([...x.shape], x.dtype as "float32"));
}

/**
 * The one of two trees that a flag chooses, bit for bit: what is not chosen may hold NaN.
 *
 * @param flag bool scalar; absent means true.
 */
export function selectTree<T extends TensorTree>(flag: tf.Tensor | undefined, whenTrue: T, whenFalse: T): T {
  if (flag === undefined) return whenTrue;
  return mapPair(whenTrue, whenFalse, (a, b) => (a === b ? a : tf.where(flag, a, b))) as T;
}

/** Euclidean norm of all tensors of a tree together: float32 scalar. Infinite when the sum of squares leaves the range of float32. */
export function globalNorm(tree: TensorTree): tf.Tensor {
  const squares = flatten(tree).map(([, x]) => tf.sum(tf.square(x)) as tf.Tensor);
  if (squares.length === 0) return tf.scalar(0);
  return tf.sqrt(squares.reduce((total, square) => tf.add(total, square)));
}

/** Computes new tensors for one path from the tensors that the trees hold there. */
export type LeafRule<K extends string> = (
  leaves: Readonly<Record<K, tf.Tensor>>,
  path: string,
) => Partial<Record<K, tf.Tensor>>;

/**
 * Runs a rule on every path of `params`: the way optimizers update a parameter together with its moments.
 *
 * @param trees Trees with the same paths, by name; `params` gives the order.
 * @returns The trees with the tensors that the rule returned; those it left out stay.
 */
export function updateLeaves<K extends string>(
  trees: Readonly<Record<K | "params", TensorTree>>,
  rule: LeafRule<K | "params">,
): Record<K | "params", TensorTree> {
  const names = Object.keys(trees) as (K | "params")[];
  const leaves = new Map(names.map((name) => [name, leavesOf(trees[name], trees.params, name)]));
  const updated = new Map<string, Partial<Record<K | "params", tf.Tensor>>>();
  for (const [path] of flatten(trees.params)) {
    const given = Object.fromEntries(names.map((name) => [name, leaves.get(name)?.get(path)]));
    updated.set(path, rule(given as Record<K | "params", tf.Tensor>, path));
  }
  const next = (name: K | "params") => mapTree(trees[name], (old, path) => updated.get(path)?.[name] ?? old);
  return Object.fromEntries(names.map((name) => [name, next(name)])) as Record<K | "params", TensorTree>;
}
