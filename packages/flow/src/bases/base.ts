import type { Key, TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** The distribution of the noise. */
export interface Base<P extends TensorTree = any> {
  readonly name: string;
  /** Absent when nothing is learned. @param features D. */
  init?(key: Key, features: number): P;
  /** @param z Shape `(B, D)`. @returns Nats, shape `(B,)`. */
  logProb(params: P, z: Tensor): Tensor;
  /** @param temperature Factor of every standard deviation. @returns Shape `(n, D)`. */
  sample(params: P, key: Key, shape: readonly [n: number, D: number], temperature: number): Tensor;
}
