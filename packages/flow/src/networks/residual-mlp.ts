import { fold, nn } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Conditioner } from "./conditioner.js";

/** Size of a {@link residualMlp}. */
export interface ResidualMlpOptions {
  /** Width of the hidden layers. */
  readonly width: number;
  /** Residual blocks of two layers each. */
  readonly blocks: number;
}

/** Kernel and bias of zeros: the map that a network gives begins as the identity. */
export const zeroInit = { kernelInit: nn.zeros };

/**
 * A dense network with residual blocks of pre-activated layers, for vectors. Context enters beside the input.
 * Durkan et al., "Neural spline flows", 2019, §5.1 and code (ResidualNet). https://arxiv.org/abs/1906.04032
 */
export function residualMlp({ width, blocks }: ResidualMlpOptions): Conditioner<any> {
  type Params = Readonly<Record<string, nn.KernelParams>>;
  const heInit = { kernelInit: nn.heUniform };
  return {
    init(key, x, outputs, context) {
      const inputs = (x.shape[x.rank - 1] as number) + ((context?.shape[1] as number) ?? 0);
      const params: Record<string, nn.KernelParams> = {
        input: nn.linearInit(fold(key, "input"), inputs, width, heInit),
        output: nn.linearInit(fold(key, "output"), width, outputs, zeroInit),
      };
      for (let i = 0; i < 2 * blocks; i++) params[`layer${i}`] = nn.linearInit(fold(key, i), width, width, heInit);
      return params;
    },
    apply(params: Params, x, context) {
      let h = nn.linear(params.input as nn.KernelParams, context === undefined ? x : tf.concat([x, context], -1));
      for (let i = 0; i < blocks; i++) {
        const first = nn.linear(params[`layer${2 * i}`] as nn.KernelParams, tf.relu(h));
        h = tf.add(h, nn.linear(params[`layer${2 * i + 1}`] as nn.KernelParams, tf.relu(first)));
      }
      return nn.linear(params.output as nn.KernelParams, tf.relu(h));
    },
  };
}
