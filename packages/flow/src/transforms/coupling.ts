import { fold, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Conditioner } from "../networks/conditioner.js";
import { type Elementwise, type MappedValues, sumData } from "./elementwise.js";
import type { Mapped, Transform } from "./transform.js";

/** A coupling learns its network, and what the elementwise map learns itself. */
export interface CouplingParams {
  readonly network: TensorTree;
  readonly map?: Readonly<Record<string, Tensor>>;
  readonly [name: string]: TensorTree | undefined;
}

const initParams = (network: TensorTree, map: Elementwise, features: number) =>
  ({ network, ...(map.init ? { map: map.init(features) } : {}) }) as never;

/**
 * Half of the features stay, and tell the network how to map the other half: `y_b = f(x_b; net(x_a))`. Acts on the last axis.
 * The first `floor(F / 2)` features stay. Real NVP (Dinh et al., 2016), §3.2. https://arxiv.org/abs/1605.08803
 */
export function coupling(map: Elementwise, network: Conditioner): Transform<any> {
  const halves = (x: Tensor) => {
    const F = x.shape[x.rank - 1] as number;
    return tf.split(x, [Math.floor(F / 2), Math.ceil(F / 2)], -1) as [Tensor, Tensor];
  };
  const apply = (
    params: CouplingParams,
    x: Tensor,
    context: Tensor | undefined,
    direction: "encode" | "decode",
  ): Mapped => {
    const [xa, xb] = halves(x);
    const theta = network.apply(params.network, xa, context);
    const { y, logDet } = map[direction](xb, theta, params.map ?? {});
    return { y: tf.concat([xa, y], -1), logDet: sumData(logDet) };
  };
  return {
    init(key, x, context) {
      const [xa, xb] = halves(x);
      const F = xb.shape[xb.rank - 1] as number;
      return initParams(network.init(fold(key, "network"), xa, map.size * F, context), map, F);
    },
    encode: (params, x, context) => apply(params, x, context, "encode"),
    decode: (params, z, context) => apply(params, z, context, "decode"),
  };
}

/**
 * A coupling between the black and the white squares of an image: pixels with `(row + column) % 2 = parity` stay.
 * Real NVP (Dinh et al., 2016), §3.4. https://arxiv.org/abs/1605.08803
 */
export function checkerboardCoupling(map: Elementwise, network: Conditioner, parity: 0 | 1): Transform<any> {
  const apply = (
    params: CouplingParams,
    x: Tensor,
    context: Tensor | undefined,
    direction: "encode" | "decode",
  ): Mapped => {
    const stays = checkerboard(x.shape[1] as number, x.shape[2] as number, parity);
    const kept = tf.mul(x, stays);
    const theta = network.apply(params.network, kept, context);
    const moves = tf.sub(1, stays);
    const { y, logDet }: MappedValues = map[direction](x, theta, params.map ?? {});
    return { y: tf.add(kept, tf.mul(y, moves)), logDet: sumData(tf.mul(logDet, moves)) };
  };
  return {
    init(key, x, context) {
      const F = x.shape[3] as number;
      return initParams(network.init(fold(key, "network"), x, map.size * F, context), map, F);
    },
    encode: (params, x, context) => apply(params, x, context, "encode"),
    decode: (params, z, context) => apply(params, z, context, "decode"),
  };
}

/** Ones where `(row + column) % 2 = parity`, shape `(1, H, W, 1)`. */
function checkerboard(height: number, width: number, parity: 0 | 1): Tensor {
  const values = Float32Array.from({ length: height * width }, (_, i) =>
    (Math.floor(i / width) + (i % width)) % 2 === parity ? 1 : 0,
  );
  return tf.tensor(values, [1, height, width, 1]);
}
