import { fold, type Key, nn, normal, silu, stopGradient, UserError } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { fourierFeatures, sinusoids } from "../time-features.js";
import { activationOf, type LevelParams, levelDown, levelInit, levelUp, middle, midInit } from "./blocks.js";
import type { UNetPlan } from "./plan.js";

interface TimeLayers {
  readonly linear_1: nn.KernelParams;
  readonly linear_2: nn.KernelParams;
}

/** Parameters of the U-Net by the names of diffusers' UNet2DModel. */
export interface UNetParams {
  readonly conv_in: nn.KernelParams;
  /** Frequencies, which are not trained, or a table of times. */
  readonly time_proj?: { readonly kernel: Tensor } | nn.EmbeddingParams;
  readonly time_embedding: TimeLayers;
  readonly class_embedding?: nn.EmbeddingParams | TimeLayers;
  readonly down_blocks: Readonly<Record<string, LevelParams>>;
  readonly mid_block?: LevelParams;
  readonly up_blocks: Readonly<Record<string, LevelParams>>;
  readonly conv_norm_out: nn.NormParams;
  readonly conv_out: nn.KernelParams;
}

/** Standard deviation of random frequencies. Song et al., 2021, appendix C.2. */
const FOURIER_SCALE = 16;

/** First parameters. Glorot's, as in the code of Ho et al., 2020; the last layer begins at zero. */
export function unetInit(key: Key, plan: UNetPlan): UNetParams {
  const { config, down, mid, up } = plan;
  const first = config.blockOutChannels[0] as number;
  const levels = (name: "down_blocks" | "up_blocks", end: "downsamplers" | "upsamplers") =>
    Object.fromEntries(
      (name === "down_blocks" ? down : up).map((level, i) => [i, levelInit(fold(key, name, i), level, plan, end)]),
    );
  return {
    conv_in: nn.conv2dInit(fold(key, "conv_in"), plan.inputs, first, 3),
    ...timeTable(fold(key, "time_proj"), plan, first),
    time_embedding: timeLayersInit(fold(key, "time_embedding"), plan),
    ...classTable(fold(key, "class_embedding"), plan),
    down_blocks: levels("down_blocks", "downsamplers"),
    ...(mid === undefined ? {} : { mid_block: midInit(fold(key, "mid_block"), mid, plan) }),
    up_blocks: levels("up_blocks", "upsamplers"),
    conv_norm_out: nn.groupNormInit(first),
    conv_out: nn.conv2dInit(fold(key, "conv_out"), first, plan.outputs, 3, { kernelInit: nn.zeros }),
  };
}

function timeLayersInit(key: Key, { timeFeatures, timeWidth }: UNetPlan): TimeLayers {
  return {
    linear_1: nn.linearInit(fold(key, "linear_1"), timeFeatures, timeWidth),
    linear_2: nn.linearInit(fold(key, "linear_2"), timeWidth, timeWidth),
  };
}

function timeTable(key: Key, { config }: UNetPlan, width: number): Pick<UNetParams, "time_proj"> {
  if (config.timeEmbeddingType === "fourier")
    return { time_proj: { kernel: tf.mul(normal(key, [width]), FOURIER_SCALE) } };
  if (config.timeEmbeddingType === "positional") return {};
  if (config.numTrainTimesteps !== null)
    return { time_proj: nn.embeddingInit(key, config.numTrainTimesteps, width, nn.normalInit(1)) };
  throw new UserError(
    "@latentkit/diffusion",
    "unet.numTrainTimesteps must be given with timeEmbeddingType learned: the number of rows of its table",
  );
}

function classTable(key: Key, plan: UNetPlan): Pick<UNetParams, "class_embedding"> {
  if (plan.classes === undefined) return {};
  if (plan.config.classEmbedType === "timestep") return { class_embedding: timeLayersInit(key, plan) };
  return { class_embedding: nn.embeddingInit(key, plan.classes, plan.timeWidth, nn.normalInit(1)) };
}

/** What the U-Net looks at besides the picture. */
export interface UNetInputs {
  /** Time, shape `(B,)`, float32, in the units of `numTrainTimesteps`; with fourier features the noise level. */
  readonly t: Tensor;
  /** Class, shape `(B,)` int32, for networks that take one. */
  readonly label?: Tensor | undefined;
  /** Of dropout; absent outside training. */
  readonly key?: Key | undefined;
}

/**
 * The U-Net of Ho et al., 2020, appendix B https://arxiv.org/abs/2006.11239, as diffusers' UNet2DModel has it.
 *
 * @param x Shape `(B, H, W, C)`. @returns As `x`.
 * @throws UserError when the network takes a class and none is given.
 */
export function unet(plan: UNetPlan, params: UNetParams, x: Tensor, inputs: UNetInputs): Tensor {
  const { config } = plan;
  const t = config.timeFactor === 1 ? inputs.t : tf.mul(inputs.t, config.timeFactor);
  const activation = activationOf(config);
  const pass = { plan, time: activation(timeFeatures(plan, params, { ...inputs, t })), key: inputs.key };
  let h = nn.conv2d(params.conv_in, config.centerInputSample ? tf.sub(tf.mul(x, 2), 1) : x);
  const skips = [h];
  for (const [i, level] of Object.entries(params.down_blocks)) {
    const end = levelDown(level, h, keyed(pass, "down", i));
    h = end.h;
    skips.push(...end.skips);
  }
  if (params.mid_block !== undefined) h = middle(params.mid_block, h, keyed(pass, "mid"));
  for (const [i, level] of Object.entries(params.up_blocks)) h = levelUp(level, h, skips, keyed(pass, "up", i));
  const y = nn.conv2d(
    params.conv_out,
    silu(nn.groupNorm(params.conv_norm_out, h, config.normNumGroups, config.normEps)),
  );
  return config.timeEmbeddingType === "fourier" ? tf.div(y, tf.reshape(t, [t.size, 1, 1, 1])) : y;
}

const keyed = <T extends { readonly key?: Key | undefined }>(pass: T, ...names: string[]): T =>
  pass.key === undefined ? pass : { ...pass, key: fold(pass.key, ...names) };

/** Features of the time plus those of the class, shape `(B, timeWidth)`. */
function timeFeatures(plan: UNetPlan, params: UNetParams, { t, label }: UNetInputs): Tensor {
  const features = timeLayers(params.time_embedding, project(plan, params, t));
  const { class_embedding: table } = params;
  if (table === undefined) return features;
  if (label === undefined)
    throw new UserError("@latentkit/diffusion", "label must be given: the U-Net has a class embedding");
  const ofClass =
    "embedding" in table
      ? nn.embedding(table as nn.EmbeddingParams, label)
      : timeLayers(table as TimeLayers, project(plan, params, tf.cast(label, "float32")));
  return tf.add(features, ofClass);
}

/** A time, shape `(B,)`, as a vector, shape `(B, timeFeatures)`. */
function project({ config, timeFeatures: width }: UNetPlan, { time_proj: table }: UNetParams, t: Tensor): Tensor {
  const { flipSinToCos, freqShift } = config;
  if (table === undefined) return sinusoids(t, width, { flipSinToCos, freqShift });
  if ("embedding" in table) return nn.embedding(table as nn.EmbeddingParams, tf.cast(tf.round(t), "int32"));
  return fourierFeatures(t, stopGradient((table as { kernel: Tensor }).kernel));
}

/** Two layers with SiLU between. */
const timeLayers = ({ linear_1, linear_2 }: TimeLayers, x: Tensor): Tensor =>
  nn.linear(linear_2, silu(nn.linear(linear_1, x)));
