import type { Key, TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** A mapped value with what the map did to volumes. */
export interface Mapped {
  /** Shape `(B, ...)`; the number of values of one datum stays the same. */
  readonly y: Tensor;
  /** `log|det dy/dx|` in nats, shape `(B,)`. */
  readonly logDet: Tensor;
}

/**
 * An invertible, differentiable map of data, as pure functions. `encode` goes from data to noise, `decode` from noise to data; there is no
 * `forward`, whose direction differs from library to library.
 */
export interface Transform<P extends TensorTree = any> {
  /** First parameters. @param x What reaches this transform of the first batch, shape `(B, ...)`. @param context See {@link encode}. */
  init(key: Key, x: Tensor, context?: Tensor): P;
  /** @param context What the map is conditioned on, shape `(B, C)` or `(B, H, W, C)`. */
  encode(params: P, x: Tensor, context?: Tensor): Mapped;
  /** The inverse of {@link encode}; its `logDet` is that of `dx/dz`. */
  decode(params: P, z: Tensor, context?: Tensor): Mapped;
  /** `decode` cut into equal steps, where it is sequential by nature; absent where it is one pass. */
  readonly scan?: Scan<P>;
}

/** A decode in `steps` equal steps, so that a compiled program of one step is enough whatever their number. */
export interface Scan<P extends TensorTree = any, C extends TensorTree = any> {
  readonly steps: number;
  start(params: P, z: Tensor, context?: Tensor): C;
  /** @param i Step number from 0, int32 scalar. */
  step(params: P, carry: C, i: Tensor, context?: Tensor): C;
  finish(params: P, carry: C, context?: Tensor): Tensor;
}
