import type { Tensor } from "@tensorflow/tfjs-core";
import type { DType } from "../../host-tensor.js";

/** An input of a case: given values, or distinct ones spread evenly over [low, high) in a fixed random order. */
export interface CaseInput {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values?: readonly number[];
  readonly low?: number;
  readonly high?: number;
}

/** One call of tfjs ops that every engine must compute as tfjs's cpu backend does. */
export interface KernelCase {
  readonly name: string;
  /** Kernels that the forward call runs. */
  readonly kernels: readonly string[];
  readonly inputs: readonly CaseInput[];
  readonly build: (inputs: Tensor[]) => Tensor | Tensor[];
  /** Whether all float32 inputs are differentiable at the values given, or the positions of those that are. */
  readonly differentiable: boolean | readonly number[];
  /** Relative tolerance of values; the suite's default when absent. */
  readonly tolerance?: number;
  /** Whether the gradient of the gradient is right too. */
  readonly secondOrder?: boolean;
}

type Build = (...inputs: any[]) => Tensor | Tensor[];
type Rest = Partial<Pick<KernelCase, "differentiable" | "tolerance" | "secondOrder">>;

/** A case that is differentiable twice unless it says otherwise. Kernels are separated by spaces; the build takes the inputs one by one. */
export function kernelCase(
  name: string,
  kernels: string,
  inputs: readonly CaseInput[],
  build: Build,
  rest: Rest = {},
): KernelCase {
  const differentiable = rest.differentiable ?? inputs.some(({ dtype }) => dtype === "float32");
  return {
    name,
    kernels: kernels.split(" "),
    inputs,
    build: (tensors) => build(...tensors),
    differentiable,
    secondOrder: differentiable !== false,
    ...rest,
  };
}

/** The options of a case without gradients. */
export const VALUES_ONLY: Rest = { differentiable: false };

/** Distinct values in (-1, 1). */
export const float = (...shape: number[]): CaseInput => ({ shape, dtype: "float32", low: -1, high: 1 });

/** Distinct values in a range. */
export const between = (low: number, high: number, ...shape: number[]): CaseInput => ({
  shape,
  dtype: "float32",
  low,
  high,
});

/** Given float32 values. */
export const floats = (values: readonly number[], ...shape: number[]): CaseInput => ({
  shape,
  dtype: "float32",
  values,
});

/** Given int32 values. */
export const ints = (values: readonly number[], ...shape: number[]): CaseInput => ({ shape, dtype: "int32", values });

/** Given bool values, 0 or 1. */
export const bools = (values: readonly number[], ...shape: number[]): CaseInput => ({ shape, dtype: "bool", values });

/** Eight values of both signs, none near 0, 6 or each other: where activations have no kink. */
export const AWAY = floats([-2.3, -1.1, -0.6, -0.2, 0.3, 0.8, 1.4, 2.6], 2, 4);
