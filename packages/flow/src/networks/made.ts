import { fold, nn } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Conditioner } from "./conditioner.js";
import type { ResidualMlpOptions } from "./residual-mlp.js";
import { zeroInit } from "./residual-mlp.js";

/**
 * A dense network whose outputs for feature d see the features before d only: every unit has a degree, and weights from a higher degree to a
 * lower one are masked. Residual blocks keep degrees. Context is seen by all.
 * Germain et al., "MADE", 2015, §3-4. https://arxiv.org/abs/1502.03509
 */
export function madeNetwork({ width, blocks }: ResidualMlpOptions): Conditioner<any> {
  type Params = Readonly<Record<string, nn.KernelParams>>;
  const heInit = { kernelInit: nn.heUniform };
  return {
    init(key, x, outputs, context) {
      const D = x.shape[1] as number;
      const params: Record<string, nn.KernelParams> = {
        input: nn.linearInit(fold(key, "input"), D, width, heInit),
        output: nn.linearInit(fold(key, "output"), width, outputs, zeroInit),
      };
      for (let i = 0; i < 2 * blocks; i++) params[`layer${i}`] = nn.linearInit(fold(key, i), width, width, heInit);
      if (context !== undefined) {
        const widths = [context.shape[1] as number, width] as const;
        params.context = nn.linearInit(fold(key, "context"), ...widths, { ...heInit, bias: false });
      }
      return params;
    },
    apply(params: Params, x, context) {
      const D = x.shape[1] as number;
      const outputs = params.output?.kernel.shape[1] as number;
      const inDegrees = Array.from({ length: D }, (_, d) => d + 1);
      const hidden = Array.from({ length: width }, (_, k) => 1 + (k % Math.max(1, D - 1)));
      const outDegrees = Array.from({ length: outputs }, (_, j) => (j % D) + 1);
      const inner = mask(hidden, hidden, (from, to) => to >= from);
      let h = masked(
        params.input,
        x,
        mask(inDegrees, hidden, (from, to) => to >= from),
      );
      if (context !== undefined) h = tf.add(h, nn.linear(params.context as nn.KernelParams, context));
      for (let i = 0; i < blocks; i++) {
        const first = masked(params[`layer${2 * i}`], tf.relu(h), inner);
        h = tf.add(h, masked(params[`layer${2 * i + 1}`], tf.relu(first), inner));
      }
      return masked(
        params.output,
        tf.relu(h),
        mask(hidden, outDegrees, (from, to) => to > from),
      );
    },
  };
}

function masked(params: nn.KernelParams | undefined, x: Tensor, allowed: Tensor): Tensor {
  const { kernel, bias } = params as Required<nn.KernelParams>;
  return nn.linear({ kernel: tf.mul(kernel as Tensor, allowed), bias: bias as Tensor }, x);
}

/** Ones where a unit may see another, shape `(from, to)`. */
function mask(from: readonly number[], to: readonly number[], allows: (from: number, to: number) => boolean): Tensor {
  const values = Float32Array.from(from.flatMap((a) => to.map((b) => (allows(a, b) ? 1 : 0))));
  return tf.tensor(values, [from.length, to.length]);
}
