import type { Key, TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/**
 * A network that tells an elementwise map what to do: features in, `outputs` numbers out, both on the last axis. Its last layer begins at zero,
 * so that every map begins as the identity.
 */
export interface Conditioner<P extends TensorTree = any> {
  /** @param x An example of the input, shape `(B, ..., F)`. @param context Shape `(B, C)`, for images also `(B, H, W, C)`. */
  init(key: Key, x: Tensor, outputs: number, context?: Tensor): P;
  /** @returns Shape `(B, ..., outputs)`. */
  apply(params: P, x: Tensor, context?: Tensor): Tensor;
}
