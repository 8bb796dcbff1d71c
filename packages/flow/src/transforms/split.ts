import { fold, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Conditioner } from "../networks/conditioner.js";
import { affine, sumData } from "./elementwise.js";
import type { Mapped, Transform } from "./transform.js";

interface SplitParams {
  readonly prior: TensorTree;
  readonly map: Readonly<Record<string, Tensor>>;
  readonly inner: TensorTree;
}

/**
 * Half of the channels are done here, the other half go on through `inner`. The finished half has a normal prior whose mean and deviation are
 * learned functions of the other; it leaves as `(z - mean) / deviation`, so that everything that leaves is standard noise.
 * Glow (Kingma & Dhariwal, 2018), §3.3 and its code: `split2d`. https://arxiv.org/abs/1807.03039
 *
 * `(B, H, W, C)` to `(B, H W C)`: the inner values first.
 *
 * @param shape Height, width and channels of what is split.
 * @param inner Takes `(B, H, W, ceil(C / 2))`, gives `(B, D)`.
 */
export function split(
  [H, W, C]: readonly [number, number, number],
  inner: Transform,
  prior: Conditioner,
): Transform<any> {
  const map = affine();
  const finished = Math.floor(C / 2); // channels
  const halves = (x: Tensor) => tf.split(x, [C - finished, finished], -1) as [Tensor, Tensor];
  return {
    init(key, x, context) {
      const [onward] = halves(x);
      return {
        prior: prior.init(fold(key, "prior"), onward, 2 * finished, context),
        map: map.init?.(finished),
        inner: inner.init(fold(key, "inner"), onward, context),
      } as never;
    },
    encode(params: SplitParams, x, context): Mapped {
      const [onward, done] = halves(x);
      const noise = map.encode(done, prior.apply(params.prior, onward, context), params.map);
      const rest = inner.encode(params.inner, onward, context);
      const y = tf.concat([rest.y, tf.reshape(noise.y, [x.shape[0] as number, -1])], 1);
      return { y, logDet: tf.add(rest.logDet, sumData(noise.logDet)) };
    },
    decode(params: SplitParams, z, context): Mapped {
      const [B, D] = z.shape as [number, number];
      const size = H * W * finished;
      const [onwardNoise, noise] = tf.split(z, [D - size, size], 1) as [Tensor, Tensor];
      const rest = inner.decode(params.inner, onwardNoise, context);
      const theta = prior.apply(params.prior, rest.y, context);
      const done = map.decode(tf.reshape(noise, [B, H, W, finished]), theta, params.map);
      return { y: tf.concat([rest.y, done.y], -1), logDet: tf.add(rest.logDet, sumData(done.logDet)) };
    },
  };
}
