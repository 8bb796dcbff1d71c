import type { DatumSpec, Key, TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { DiffusionConfig } from "./config.js";
import type { Network } from "./networks/network.js";
import type { Settings } from "./presets.js";
import { type Levels, spread } from "./process/level.js";
import type { Process } from "./process/process.js";
import { preconditioning, viewsOf } from "./process/target.js";
import type { Scale } from "./scale.js";

/** Parameters: those of the network. */
export interface DiffusionParams {
  readonly network: TensorTree;
}

/** What the configuration and the data decide before any tensor exists. */
export interface Diffusion {
  readonly config: DiffusionConfig;
  readonly settings: Settings;
  readonly datum: DatumSpec;
  readonly process: Process;
  readonly scale: Scale;
  readonly network: Network;
  /** Number of classes when conditional; the network knows one more, the null class. */
  readonly classes: number | undefined;
}

/** What a network looks at. */
export interface Noisy {
  /** Shape `(B, ...shape)`. */
  readonly x: Tensor;
  /** One for each example, or one for all. */
  readonly levels: Levels;
  /** int32 `(B,)` when conditional. */
  readonly label?: Tensor | undefined;
  /** Of dropout, in training. */
  readonly key?: Key;
}

/** The network's prediction of the target, shape of `x`. */
export function predict(
  { network, process }: Diffusion,
  params: DiffusionParams,
  sigmaData: Tensor,
  { x, levels, label, key }: Noisy,
): Tensor {
  const n = x.shape[0] as number;
  const time = levels.time.rank === 0 ? tf.mul(tf.ones([n]), levels.time) : levels.time;
  const input = process.scalesInput ? tf.mul(x, spread(preconditioning(levels, sigmaData).cIn, x.rank)) : x;
  return network.apply(params.network, input, label === undefined ? { time } : { time, label }, key);
}

/** The network's idea of the data, `D(x, level)`: once trained, the mean of x0 given x. Shape of `x`. */
export function denoise(diffusion: Diffusion, params: DiffusionParams, sigmaData: Tensor, noisy: Noisy): Tensor {
  const y = predict(diffusion, params, sigmaData, noisy);
  return viewsOf(diffusion.settings.target, noisy.x, y, noisy.levels, sigmaData).x0;
}

/** The label of no class, int32 `(n,)`. */
export function nullLabels(classes: number, n: number): Tensor {
  return tf.fill([n], classes, "int32");
}
