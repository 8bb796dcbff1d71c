import type { TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { type Elementwise, sumData } from "./elementwise.js";
import type { Mapped, Transform } from "./transform.js";

/**
 * Every feature (last axis) through an elementwise map whose parameters are learned directly, without a network: it shapes marginal
 * distributions, so that couplings need not. Noise on the darkest of 256 levels, a third of a Gaussian's bits off in logit space, becomes one.
 * Meng et al., "Gaussianization flows", 2020, §3.1. https://arxiv.org/abs/2003.01941
 */
export function marginal(map: Elementwise): Transform<any> {
  type Params = { readonly theta: Tensor; readonly map?: Readonly<Record<string, Tensor>> };
  const apply = ({ theta, map: own }: Params, x: Tensor, direction: "encode" | "decode"): Mapped => {
    const everywhere = tf.tile(tf.reshape(theta, [...x.shape.slice(0, -1).map(() => 1), theta.size]), [
      ...x.shape.slice(0, -1),
      1,
    ]);
    const { y, logDet } = map[direction](x, everywhere, own ?? {});
    return { y, logDet: sumData(logDet) };
  };
  return {
    init(_key, x): TensorTree {
      const F = x.shape[x.rank - 1] as number;
      return { theta: tf.zeros([map.size * F]), ...(map.init ? { map: map.init(F) } : {}) };
    },
    encode: (params, x) => apply(params, x, "encode"),
    decode: (params, z) => apply(params, z, "decode"),
  };
}
