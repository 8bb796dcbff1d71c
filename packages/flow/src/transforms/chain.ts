import { flatten, fold, type Key, mapTree, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Mapped, Scan, Transform } from "./transform.js";

/** Parameters of each link by its name; what learns nothing has no entry. */
export type ChainParams = Readonly<Record<string, TensorTree>>;

/**
 * Transforms one after the other, named: `encode` runs them in the order given, `decode` backwards; log-determinants add up.
 * At most one of them may be sequential.
 */
export function chain(links: Readonly<Record<string, Transform>>): Transform<ChainParams> {
  const order = Object.entries(links);
  const paramsOf = (params: ChainParams, name: string) => params[name] ?? {}; // what learns nothing has no entry
  return {
    init(key, x, context) {
      const params: Record<string, TensorTree> = {};
      let value = x;
      for (const [name, link] of order) {
        const own = link.init(fold(key, name), value, context);
        if (flatten(own).length > 0) params[name] = own;
        value = link.encode(own, value, context).y;
      }
      return params;
    },
    encode: (params, x, context) =>
      run(order, x, (link, name, value) => link.encode(paramsOf(params, name), value, context)),
    decode: (params, z, context) =>
      run([...order].reverse(), z, (link, name, value) => link.decode(paramsOf(params, name), value, context)),
    ...chainScan(order, paramsOf),
  };
}

type Order = readonly (readonly [name: string, link: Transform])[];

function run(order: Order, x: Tensor, map: (link: Transform, name: string, value: Tensor) => Mapped): Mapped {
  const logDets: Tensor[] = [];
  let value = x;
  for (const [name, link] of order) {
    const { y, logDet } = map(link, name, value);
    value = y;
    logDets.push(logDet);
  }
  return { y: value, logDet: addAll(logDets, x) };
}

function addAll(logDets: readonly Tensor[], x: Tensor): Tensor {
  return logDets.length === 0 ? tf.zeros([x.shape[0] as number]) : logDets.reduce((sum, logDet) => tf.add(sum, logDet));
}

/** Links behind the sequential one are decoded at the start, those before it at the end. */
function chainScan(
  order: Order,
  paramsOf: (params: ChainParams, name: string) => TensorTree,
): { scan?: Scan<ChainParams> } {
  const at = order.findIndex(([, link]) => link.scan !== undefined);
  if (at < 0) return {};
  const [name, link] = order[at] as (typeof order)[number];
  const scan = link.scan as Scan;
  const decode = (links: Order, params: ChainParams, z: Tensor, context?: Tensor) =>
    [...links].reverse().reduce((value, [n, one]) => one.decode(paramsOf(params, n), value, context).y, z);
  return {
    scan: {
      steps: scan.steps,
      start: (params, z, context) =>
        scan.start(paramsOf(params, name), decode(order.slice(at + 1), params, z, context), context),
      step: (params, carry, i, context) => scan.step(paramsOf(params, name), carry, i, context),
      finish: (params, carry, context) =>
        decode(order.slice(0, at), params, scan.finish(paramsOf(params, name), carry, context), context),
    },
  };
}

/** The same transform `n` times, each with parameters of its own. A sequential one stays a single scan of `n` times its steps. */
export function repeat(n: number, block: Transform): Transform<ChainParams> {
  const name = (layer: number) => `block${layer}`;
  const all = chain(Object.fromEntries(Array.from({ length: n }, (_, layer) => [name(layer), withoutScan(block)])));
  const { scan } = block;
  if (scan === undefined) return all;
  const layerOf = (params: ChainParams, layer: number) => params[name(layer)] as TensorTree;
  return {
    ...all,
    scan: {
      steps: n * scan.steps,
      start: (params, z, context) => scan.start(layerOf(params, n - 1), z, context),
      step(params, carry, i, context) {
        // Blocks decoded so far; halfway between whole numbers no rounding can change the floor.
        const done = tf.cast(tf.floor(tf.div(tf.add(tf.cast(i, "float32"), 0.5), scan.steps)), "int32");
        const t = tf.sub(i, tf.mul(done, tf.scalar(scan.steps, "int32")));
        const layer = tf.sub(tf.scalar(n - 1, "int32"), done);
        const own = layerAt(params, n, layer, name);
        const above = layerAt(
          params,
          n,
          tf.minimum(tf.add(layer, tf.scalar(1, "int32")), tf.scalar(n - 1, "int32")),
          name,
        );
        const begins = tf.logicalAnd(tf.equal(t, tf.scalar(0, "int32")), tf.greater(i, tf.scalar(0, "int32")));
        const fresh = scan.start(own, scan.finish(above, carry, context), context);
        return scan.step(own, choose(begins, fresh, carry), t, context);
      },
      finish: (params, carry, context) => scan.finish(layerOf(params, 0), carry, context),
    },
  };
}

function withoutScan({ init, encode, decode }: Transform): Transform {
  return { init, encode, decode };
}

/** The parameters of a block whose number is a tensor. */
function layerAt(params: ChainParams, n: number, layer: Tensor, name: (layer: number) => string): TensorTree {
  const trees = Array.from({ length: n }, (_, i) => new Map(flatten(params[name(i)] as TensorTree)));
  return mapTree(params[name(0)] as TensorTree, (_, path) =>
    tf.gather(tf.stack(trees.map((tree) => tree.get(path) as Tensor)), layer as tf.Scalar),
  );
}

/** `a` where the condition holds, else `b`: two trees of one structure. */
function choose(condition: Tensor, a: TensorTree, b: TensorTree): TensorTree {
  const other = new Map(flatten(b));
  return mapTree(a, (tensor, path) => tf.where(condition, tensor, other.get(path) as Tensor));
}

/** The transform run backwards: `encode` and `decode` change places. */
export function inverse(transform: Transform): Transform {
  return {
    init: (key: Key, x, context) => transform.init(key, x, context),
    encode: (params, x, context) => transform.decode(params, x, context),
    decode: (params, z, context) => transform.encode(params, z, context),
  };
}

/** `decode` of a sequential transform, all its steps in one graph. The log-determinant is taken from `encode`, which is one pass. */
export function unroll<P extends TensorTree>(scan: Scan<P>, encode: Transform<P>["encode"]): Transform<P>["decode"] {
  return (params, z, context) => {
    let carry = scan.start(params, z, context);
    for (let i = 0; i < scan.steps; i++) carry = scan.step(params, carry, tf.scalar(i, "int32"), context);
    const y = scan.finish(params, carry, context);
    return { y, logDet: tf.neg(encode(params, y, context).logDet) };
  };
}
