import { backend_util } from "@tensorflow/tfjs-core";
import type { Attrs } from "../graph.js";
import type { DType, TensorSpec } from "../host-tensor.js";
import { type Infer, type InputSpecs, registerInference } from "./symbolic.js";

/** The shapes of tfjs-core's helpers are mutable arrays. */
export type Shape = number[];

/** The spec of a required input, its shape copied so that tfjs-core's helpers may take it. */
export function input(inputs: InputSpecs, name: string): { shape: Shape; dtype: DType } {
  const spec = inputs[name];
  if (spec === undefined) throw new Error(`input ${name} is missing`);
  return { shape: [...spec.shape], dtype: spec.dtype };
}

/** Inputs of a kernel that takes a list, in order. */
export function inputList(inputs: InputSpecs): { shape: Shape; dtype: DType }[] {
  return Object.keys(inputs)
    .sort((a, b) => Number(a) - Number(b))
    .map((name) => input(inputs, name));
}

/** An attribute of a kernel; tfjs-core passes `undefined` or `null` for absent ones. */
export function attr<T>(attrs: Attrs, name: string): T {
  return attrs[name] as T;
}

/** Registers the same rule for many kernels. */
export function registerAll(kernels: readonly string[], infer: Infer): void {
  for (const kernel of kernels) registerInference(kernel, infer);
}

/** The output has the shape of `name`, and its dtype unless another is given. */
export function like(name: string, dtype?: DType): Infer {
  return (inputs) => {
    const { shape, dtype: own } = input(inputs, name);
    return { shape, dtype: dtype ?? own };
  };
}

/** The output is the broadcast of `a` and `b`, with the dtype of `a` unless another is given. */
export function broadcast(a: string, b: string, dtype?: DType): Infer {
  return (inputs) => {
    const left = input(inputs, a);
    return { shape: broadcastShapes(left.shape, input(inputs, b).shape), dtype: dtype ?? left.dtype };
  };
}

/** @throws Error when the shapes do not broadcast. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): Shape {
  return backend_util.assertAndGetBroadcastShape([...a], [...b]);
}

/** The dtype of a sum: bool is counted in int32. */
export function accumulated(dtype: DType): DType {
  return dtype === "bool" ? "int32" : dtype;
}

/** Replaces one dimension. */
export function withDim(shape: readonly number[], axis: number, size: number): Shape {
  return shape.map((dim, i) => (i === axis ? size : dim));
}

/** A spec from a shape and a dtype. */
export function spec(shape: readonly number[], dtype: DType): TensorSpec {
  return { shape: [...shape], dtype };
}
