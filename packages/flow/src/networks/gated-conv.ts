import { fold, nn } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Conditioner } from "./conditioner.js";
import { zeroInit } from "./residual-mlp.js";

/** Size of a {@link gatedConv}. */
export interface GatedConvOptions {
  readonly channels: number;
  /** Gated residual layers. */
  readonly layers: number;
}

interface LayerParams {
  readonly conv: nn.KernelParams;
  readonly gate: nn.KernelParams;
  readonly norm: nn.NormParams;
  readonly [name: string]: nn.KernelParams | nn.NormParams;
}

/**
 * A convolutional network for images: gated residual layers, concatenated ELUs, layer normalisation over channels. A context `(B, C)` is added to
 * the first layer everywhere, a context `(B, H, W, C)` is put beside the input.
 * Flow++ (Ho et al., 2019), §3.3 https://arxiv.org/abs/1902.00275, in the form of the UvA deep learning tutorial 11 (Lippe, 2020)
 * https://uvadlc-notebooks.readthedocs.io
 */
export function gatedConv({ channels, layers }: GatedConvOptions): Conditioner<any> {
  type Params = Readonly<Record<string, nn.KernelParams | LayerParams>>;
  const init = { kernelInit: nn.torchUniform, biasInit: nn.torchUniform };
  return {
    init(key, x, outputs, context) {
      const beside = context?.rank === 4 ? (context.shape[3] as number) : 0;
      const inputs = (x.shape[3] as number) + beside;
      const params: Record<string, nn.KernelParams | LayerParams> = {
        input: nn.conv2dInit(fold(key, "input"), inputs, channels, 3, init),
        output: nn.conv2dInit(fold(key, "output"), 2 * channels, outputs, 3, zeroInit),
      };
      if (context?.rank === 2) {
        const widths = [context.shape[1] as number, channels] as const;
        params.context = nn.linearInit(fold(key, "context"), ...widths, { ...init, bias: false });
      }
      for (let i = 0; i < layers; i++) {
        params[`layer${i}`] = {
          conv: nn.conv2dInit(fold(key, "conv", i), channels, channels, 3, init),
          gate: nn.conv2dInit(fold(key, "gate", i), 2 * channels, 2 * channels, 1, init),
          norm: nn.layerNormInit(channels),
        };
      }
      return params;
    },
    apply(params: Params, x, context) {
      let h = nn.conv2d(params.input as nn.KernelParams, context?.rank === 4 ? tf.concat([x, context], -1) : x);
      if (context?.rank === 2) {
        const added = nn.linear(params.context as nn.KernelParams, context); // (B, channels)
        h = tf.add(h, tf.reshape(added, [x.shape[0] as number, 1, 1, channels]));
      }
      for (let i = 0; i < layers; i++) h = gatedLayer(params[`layer${i}`] as LayerParams, h);
      return nn.conv2d(params.output as nn.KernelParams, concatElu(h));
    },
  };
}

function gatedLayer({ conv, gate, norm }: LayerParams, x: Tensor): Tensor {
  const [value, opening] = tf.split(nn.conv2d(gate, concatElu(nn.conv2d(conv, x))), 2, -1) as [Tensor, Tensor];
  return nn.layerNorm(norm, tf.add(x, tf.mul(value, tf.sigmoid(opening))));
}

/** `[elu(x), elu(-x)]`: both signs keep a gradient. Shang et al., 2016 (for ReLU). https://arxiv.org/abs/1603.05201 */
function concatElu(x: Tensor): Tensor {
  return tf.concat([tf.elu(x), tf.elu(tf.neg(x))], -1);
}
