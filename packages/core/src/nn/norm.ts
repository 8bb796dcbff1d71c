import {
  batchNorm as batchNormOp,
  groupNorm as groupNormOp,
  layerNorm as layerNormOp,
  rmsNorm as rmsNormOp,
  stopGradient,
} from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

/** `scale` and `offset` of shape `(C,)`. */
export type NormParams = Readonly<Record<"scale" | "offset", tf.Tensor>>;

/** Parameters of {@link layerNorm}: ones and zeros of shape `(C,)`. */
export function layerNormInit(channels: number): NormParams {
  return { scale: tf.ones([channels]), offset: tf.zeros([channels]) };
}

/** Layer normalisation over the last axis. Ba et al., 2016, §3. https://arxiv.org/abs/1607.06450 @param x Shape `(..., C)`. */
export function layerNorm({ scale, offset }: NormParams, x: tf.Tensor, epsilon = 1e-5): tf.Tensor {
  return layerNormOp(x, scale, offset, epsilon);
}

/** Parameters of {@link groupNorm}: ones and zeros of shape `(C,)`. */
export const groupNormInit = layerNormInit;

/**
 * Group normalisation. Wu & He, 2018, §3. https://arxiv.org/abs/1803.08494
 *
 * @param x Shape `(B, ..., C)`, C divisible by `groups`.
 */
export function groupNorm({ scale, offset }: NormParams, x: tf.Tensor, groups: number, epsilon = 1e-5): tf.Tensor {
  return groupNormOp(x, scale, offset, groups, epsilon);
}

/** Parameters of {@link rmsNorm}: ones of shape `(C,)`. */
export function rmsNormInit(channels: number): Readonly<Record<"scale", tf.Tensor>> {
  return { scale: tf.ones([channels]) };
}

/** Root-mean-square normalisation over the last axis. Zhang & Sennrich, 2019, §3. https://arxiv.org/abs/1910.07467 @param x Shape `(..., C)`. */
export function rmsNorm({ scale }: { readonly scale: tf.Tensor }, x: tf.Tensor, epsilon = 1e-6): tf.Tensor {
  return rmsNormOp(x, scale, epsilon);
}

/** Running mean and variance of shape `(C,)`: model state, not parameters. */
export type BatchNormState = Readonly<Record<"mean" | "variance", tf.Tensor>>;

/** Parameters (ones and zeros) and state (mean 0, variance 1) of {@link batchNorm}. */
export function batchNormInit(channels: number): { params: NormParams; state: BatchNormState } {
  return { params: layerNormInit(channels), state: { mean: tf.zeros([channels]), variance: tf.ones([channels]) } };
}

/** Options of {@link batchNorm}. */
export interface BatchNormOptions {
  /** Normalise by the batch and update the running statistics, or normalise by those. */
  readonly training: boolean;
  /** Share of the old running statistics that stays. @default 0.9 */
  readonly decay?: number;
  /** @default 1e-5 */
  readonly epsilon?: number;
}

/** Scale and offset of channels are part of the operation; others, such as those of an example's class, come after it. */
function normalizeBatch(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: number) {
  if (scale.rank === 1) return batchNormOp(x, scale, offset, epsilon);
  const channels = [x.shape[x.rank - 1] as number];
  const { y, ...moments } = batchNormOp(x, tf.ones(channels), tf.zeros(channels), epsilon);
  return { y: tf.add(tf.mul(y, scale), offset), ...moments };
}

/**
 * Batch normalisation over all axes but the last. Ioffe & Szegedy, 2015, Algorithms 1 and 2. https://arxiv.org/abs/1502.03167
 * Batches are normalised by their biased variance; the running one is unbiased. No gradient flows into the state.
 *
 * @param params Shape `(C,)`, or one that broadcasts to x: each example may have its own. @param x Shape `(B, ..., C)`.
 */
export function batchNorm(
  params: NormParams,
  state: BatchNormState,
  x: tf.Tensor,
  { training, decay = 0.9, epsilon = 1e-5 }: BatchNormOptions,
): { y: tf.Tensor; state: BatchNormState } {
  const { scale, offset } = params;
  if (!training) {
    const factor = tf.mul(tf.rsqrt(tf.add(state.variance, epsilon)), scale);
    return { y: tf.add(tf.mul(tf.sub(x, state.mean), factor), offset), state };
  }
  const { y, mean, variance } = normalizeBatch(x, scale, offset, epsilon);
  const n = x.size / (x.shape[x.rank - 1] as number);
  const unbiased = tf.mul(variance, n / Math.max(1, n - 1));
  const blend = (old: tf.Tensor, now: tf.Tensor) => tf.add(tf.mul(old, decay), tf.mul(stopGradient(now), 1 - decay));
  return { y, state: { mean: blend(state.mean, mean), variance: blend(state.variance, unbiased) } };
}
