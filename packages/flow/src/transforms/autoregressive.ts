import { fold, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Conditioner } from "../networks/conditioner.js";
import { unroll } from "./chain.js";
import { type Elementwise, sumData } from "./elementwise.js";
import type { Scan, Transform } from "./transform.js";

/** A sequential decode knows the noise, and the data as far as they are decoded. */
interface Progress {
  readonly z: Tensor;
  readonly x: Tensor;
  readonly [name: string]: Tensor;
}

/**
 * Every feature is mapped as the features before it say: `z_d = f(x_d; net(x_1 … x_{d-1}))`. `encode` is one pass of the masked network,
 * `decode` one pass a feature. Papamakarios et al., "Masked autoregressive flow", 2017, §3. https://arxiv.org/abs/1705.07057
 *
 * @param network Its outputs for feature d must depend on the features before d only: `madeNetwork`.
 */
export function autoregressive(map: Elementwise, network: Conditioner, features: number): Transform<any> {
  type Params = { readonly network: TensorTree; readonly map?: Readonly<Record<string, Tensor>> };
  const encode: Transform<any>["encode"] = (params: Params, x, context) => {
    const { y, logDet } = map.encode(x, network.apply(params.network, x, context), params.map ?? {});
    return { y, logDet: sumData(logDet) };
  };
  const scan: Scan<any, any> = {
    steps: features,
    start: (_params, z): Progress => ({ z, x: tf.zerosLike(z) }),
    step(params: Params, { z, x }: Progress, i, context): Progress {
      const { y } = map.decode(z, network.apply(params.network, x, context), params.map ?? {});
      const now = tf.equal(tf.range(0, features, 1, "int32"), i); // (F,)
      return { z, x: tf.where(tf.expandDims(now, 0), y, x) };
    },
    finish: (_params, { x }: Progress) => x,
  };
  return {
    init: (key, x, context) => ({
      network: network.init(fold(key, "network"), x, map.size * features, context),
      ...(map.init ? { map: map.init(features) } : {}),
    }),
    encode,
    decode: unroll(scan, encode),
    scan,
  };
}
