import {
  type Batch,
  type DatumSpec,
  flatten,
  hostKey,
  type Key,
  mapTree,
  normal,
  parseOptions,
  type TensorTree,
} from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { flowConfig } from "../src/config.js";
import { createFlow, type Flow, type FlowParams, wireFlow } from "../src/model.js";
import type { Transform } from "../src/transforms/transform.js";

await tf.setBackend("cpu"); // registered by the eager engine

export const asScalar = (x: tf.Tensor): tf.Scalar => tf.reshape(x, []);

export const key = (seed: number): Key => tf.tensor1d(hostKey(seed), "int32");

export const numbers = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Normal numbers of a seed. */
export const noise = (seed: number, shape: readonly number[], scale = 1): tf.Tensor =>
  tf.mul(normal(key(seed), shape), scale);

/** A model with options as a user writes them. */
export const model = (options: object, datum: DatumSpec) =>
  createFlow(parseOptions("@latentkit/flow", flowConfig, { ...options }), datum);

/** Its parts. */
export const parts = (options: object, datum: DatumSpec): Flow =>
  wireFlow(parseOptions("@latentkit/flow", flowConfig, { ...options }), datum);

/** First parameters moved at random, so that no network gives zeros. */
export function shaken<P extends object>(params: P, scale: number): P {
  let seed = 100;
  return mapTree(params as TensorTree, (tensor) => tf.add(tensor, noise(seed++, tensor.shape, scale))) as P;
}

export const initial = (options: object, datum: DatumSpec, batch: Batch): FlowParams =>
  model(options, datum).init(key(0), batch).params;

/** Rows of `dy/dx` for the first datum of a batch of one, D x D. */
export function jacobian(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): number[][] {
  const D = x.size;
  return Array.from({ length: D }, (_, i) =>
    numbers(tf.grad((input: tf.Tensor) => asScalar(tf.slice(tf.reshape(f(input), [D]), [i], [1])))(x)),
  );
}

/** `log|det A|` by elimination with pivoting, in float64. */
export function logAbsDet(matrix: readonly (readonly number[])[]): number {
  const rows = matrix.map((row) => [...row]);
  let sum = 0;
  for (let c = 0; c < rows.length; c++) {
    let best = c;
    for (let r = c + 1; r < rows.length; r++)
      if (Math.abs(rows[r]?.[c] as number) > Math.abs(rows[best]?.[c] as number)) best = r;
    [rows[c], rows[best]] = [rows[best] as number[], rows[c] as number[]];
    const pivot = rows[c] as number[];
    sum += Math.log(Math.abs(pivot[c] as number));
    for (let r = c + 1; r < rows.length; r++) {
      const row = rows[r] as number[];
      const factor = (row[c] as number) / (pivot[c] as number);
      for (let k = c; k < rows.length; k++) row[k] = (row[k] as number) - factor * (pivot[k] as number);
    }
  }
  return sum;
}

/** Largest difference of two tensors. */
export const distance = (a: tf.Tensor, b: tf.Tensor): number => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] as number;

/** What every transform must keep, for one input and context. */
export function checkTransform(
  transform: Transform,
  x: tf.Tensor,
  { context, scale = 0.3 }: { context?: tf.Tensor; scale?: number } = {},
): void {
  const params = shaken(transform.init(key(1), x, context), scale);
  const { y, logDet } = transform.encode(params, x, context);
  const back = transform.decode(params, y, context);
  expect(logDet.shape).toEqual([x.shape[0]]);
  expect(y.size).toBe(x.size);
  expect(distance(back.y, x), "x - decode(encode(x))").toBeLessThan(1e-4);
  expect(distance(back.logDet, tf.neg(logDet)), "log-determinants of encode and decode").toBeLessThan(1e-3);
  const B = x.shape[0] as number;
  for (let b = 0; b < B; b++) {
    const one = tf.slice(x, [b, ...x.shape.slice(1).map(() => 0)], [1, ...x.shape.slice(1)]);
    const own =
      context && tf.slice(context, [b, ...context.shape.slice(1).map(() => 0)], [1, ...context.shape.slice(1)]);
    const exact = logAbsDet(jacobian((input) => transform.encode(params, input, own).y, one));
    expect(Math.abs(exact - (logDet.dataSync()[b] as number)), `log-determinant of datum ${b}`).toBeLessThan(1e-3);
  }
  checkGradients(params, (moved) => {
    const mapped = transform.encode(moved, x, context);
    return tf.add(tf.sum(tf.square(mapped.y)), tf.sum(mapped.logDet));
  });
}

/** Every parameter has a gradient that is finite and not zero everywhere. */
export function checkGradients(params: TensorTree, f: (params: any) => tf.Tensor): void {
  const leaves = flatten(params);
  if (leaves.length === 0) return;
  const byPath = (tensors: readonly tf.Tensor[]) => {
    const values = new Map(leaves.map(([path], i) => [path, tensors[i] as tf.Tensor]));
    return mapTree(params, (_, path) => values.get(path) as tf.Tensor);
  };
  const grads = tf.grads((...tensors: tf.Tensor[]) => asScalar(f(byPath(tensors))))(leaves.map(([, tensor]) => tensor));
  grads.forEach((grad, i) => {
    const values = numbers(grad);
    const path = leaves[i]?.[0];
    expect(values.every(Number.isFinite), `gradient of ${path} is finite`).toBe(true);
    expect(
      values.some((value) => value !== 0),
      `gradient of ${path} is not zero`,
    ).toBe(true);
  });
}
