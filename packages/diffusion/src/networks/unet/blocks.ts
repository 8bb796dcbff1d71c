import { fold, type Key, nn, scaledDotProductAttention, silu, UserError } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { UNetConfig } from "./config.js";
import type { LevelPlan, ResnetPlan, UNetPlan } from "./plan.js";

/*
 * Parts of the U-Net. Parameters carry the names that diffusers gives them, so that a path here is the key of a tensor there,
 * but for the last word: `kernel` and `scale` are `weight`, `offset` is `bias`.
 */

/** A residual block; `conv_shortcut` when the number of channels changes. */
export interface ResnetParams {
  readonly norm1: nn.NormParams;
  readonly conv1: nn.KernelParams;
  readonly time_emb_proj: nn.KernelParams;
  readonly norm2: nn.NormParams;
  readonly conv2: nn.KernelParams;
  readonly conv_shortcut?: nn.KernelParams;
}

/** Self-attention over the pixels of a picture. */
export interface AttentionParams {
  readonly group_norm?: nn.NormParams;
  readonly to_q: nn.KernelParams;
  readonly to_k: nn.KernelParams;
  readonly to_v: nn.KernelParams;
  readonly to_out: { readonly 0: nn.KernelParams };
}

type List<T> = Readonly<Record<string, T>>;
type Sampler = { readonly conv: nn.KernelParams } | ResnetParams;

/** A level; lists are records with keys 0, 1, … */
export interface LevelParams {
  readonly resnets: List<ResnetParams>;
  readonly attentions?: List<AttentionParams>;
  readonly downsamplers?: List<Sampler>;
  readonly upsamplers?: List<Sampler>;
}

/** What every block of a pass is given. */
export interface Pass {
  readonly plan: UNetPlan;
  /** Activated features of the time and the class, shape `(B, timeWidth)`. */
  readonly time: Tensor;
  /** Of dropout; absent outside training. */
  readonly key?: Key | undefined;
}

/** Layers that a residual sum ends with begin at zero, so that the network begins as simple as it can. Ho et al., 2020, published code. */
const atZero = { kernelInit: nn.zeros };

const list = <T>(length: number, make: (i: number) => T): List<T> =>
  Object.fromEntries(Array.from({ length }, (_, i) => [i, make(i)]));

function resnetInit(key: Key, { inputs, outputs }: ResnetPlan, { config, timeWidth }: UNetPlan): ResnetParams {
  const timeOutputs = config.resnetTimeScaleShift === "scale_shift" ? 2 * outputs : outputs;
  return {
    norm1: nn.groupNormInit(inputs),
    conv1: nn.conv2dInit(fold(key, "conv1"), inputs, outputs, 3),
    time_emb_proj: nn.linearInit(fold(key, "time_emb_proj"), timeWidth, timeOutputs),
    norm2: nn.groupNormInit(outputs),
    conv2: nn.conv2dInit(fold(key, "conv2"), outputs, outputs, 3, atZero),
    ...(inputs === outputs ? {} : { conv_shortcut: nn.conv2dInit(fold(key, "conv_shortcut"), inputs, outputs, 1) }),
  };
}

/** `x tanh(softplus(x))`. Misra, 2019. https://arxiv.org/abs/1908.08681 */
const mish = (x: Tensor): Tensor => tf.mul(x, tf.tanh(tf.softplus(x)));

/** `x Phi(x)`, the exact form, which is diffusers' default. */
const exactGelu = (x: Tensor): Tensor => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

/** The activation of a configuration. */
export function activationOf({ actFn }: Pick<UNetConfig, "actFn">): (x: Tensor) => Tensor {
  return { silu, swish: silu, mish, gelu: exactGelu, relu: (x: Tensor) => tf.relu(x) }[actFn];
}

/**
 * `x + conv(act(norm(conv(act(norm(x))) + time)))`. Ho et al., 2020, appendix B. With scale_shift the time scales and shifts what the second
 * norm gives: Nichol & Dhariwal, 2021, §3. https://arxiv.org/abs/2102.09672
 *
 * @param resample Applied to both paths before the first convolution.
 */
function resnet(
  params: ResnetParams,
  x: Tensor,
  { plan: { config }, time, key }: Pass,
  { scale = 1, resample }: { scale?: number; resample?: (x: Tensor) => Tensor } = {},
): Tensor {
  const { normNumGroups, normEps, resnetTimeScaleShift, dropout } = config;
  const activation = activationOf(config);
  const move = resample ?? ((y: Tensor) => y);
  const begun = move(activation(nn.groupNorm(params.norm1, x, normNumGroups, normEps)));
  let h = nn.conv2d(params.conv1, begun); // (B, H, W, outputs)
  const timed = nn.linear(params.time_emb_proj, time);
  const shifts = tf.reshape(timed, [timed.shape[0] as number, 1, 1, timed.shape[1] as number]);
  if (resnetTimeScaleShift === "scale_shift") {
    const [factor, shift] = tf.split(shifts, 2, 3) as [Tensor, Tensor];
    h = tf.add(tf.mul(nn.groupNorm(params.norm2, h, normNumGroups, normEps), tf.add(factor, 1)), shift);
  } else {
    h = nn.groupNorm(params.norm2, tf.add(h, shifts), normNumGroups, normEps);
  }
  h = nn.conv2d(params.conv2, nn.dropout(key, activation(h), dropout));
  const skip = move(x);
  const sum = tf.add(params.conv_shortcut === undefined ? skip : nn.conv2d(params.conv_shortcut, skip), h);
  return scale === 1 ? sum : tf.div(sum, scale);
}

function attentionInit(key: Key, channels: number, { config }: UNetPlan, normed: boolean): AttentionParams {
  const { heads, width } = headsOf(channels, config);
  const project = (name: string) => nn.linearInit(fold(key, name), channels, heads * width);
  return {
    ...(normed ? { group_norm: nn.groupNormInit(channels) } : {}),
    to_q: project("to_q"),
    to_k: project("to_k"),
    to_v: project("to_v"),
    to_out: { 0: nn.linearInit(fold(key, "to_out"), heads * width, channels, atZero) },
  };
}

function headsOf(channels: number, { attentionHeadDim }: UNetConfig): { heads: number; width: number } {
  const width = attentionHeadDim ?? channels;
  const heads = Math.floor(channels / width);
  if (heads >= 1) return { heads, width };
  throw new UserError(
    "@latentkit/diffusion",
    `unet.attentionHeadDim must be at most the ${channels} channels of the level it is used at, got ${width}; make it smaller, or null`,
  );
}

/**
 * Every pixel attends to all of its picture, added to the picture. Ho et al., 2020, appendix B.
 *
 * @param groups Of the norm. @param scale What the sum is divided by.
 */
function attention(params: AttentionParams, x: Tensor, { plan: { config } }: Pass, groups: number, scale = 1): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const normed = params.group_norm ? nn.groupNorm(params.group_norm, x, groups, config.normEps) : x;
  const pixels = tf.reshape(normed, [batch, height * width, channels]);
  const { heads, width: headWidth } = headsOf(channels, config);
  const byHead = (projection: nn.KernelParams) =>
    tf.transpose(tf.reshape(nn.linear(projection, pixels), [batch, height * width, heads, headWidth]), [0, 2, 1, 3]);
  const attended = scaledDotProductAttention(byHead(params.to_q), byHead(params.to_k), byHead(params.to_v)); // (B, heads, H W, headWidth)
  const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [batch, height * width, heads * headWidth]);
  const sum = tf.add(tf.reshape(nn.linear(params.to_out[0], joined), x.shape), x);
  return scale === 1 ? sum : tf.div(sum, scale);
}

/** Twice the height and width by repeating pixels. */
function repeatPixels(x: Tensor): Tensor {
  const [, height, width] = x.shape as [number, number, number];
  return tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [2 * height, 2 * width]);
}

/** Half the height and width by the mean of four pixels. */
const averagePixels = (x: Tensor): Tensor => tf.avgPool(x as tf.Tensor4D, 2, 2, "valid");

/** A convolution of every second pixel; `same` pads at the bottom and right, which diffusers calls padding 0. */
function halve(params: nn.KernelParams, x: Tensor, padding: number): Tensor {
  if (padding === 0) return nn.conv2d(params, x, { stride: 2 });
  const around = [
    [0, 0],
    [1, 0],
    [1, 0],
    [0, 0],
  ] as [number, number][]; // the pixel beyond the last is never reached
  return nn.conv2d(params, tf.pad(x, around), { stride: 2, padding: "valid" });
}

/** Parameters of a level. @param end The name of its last part: it halves, doubles, or is absent. */
export function levelInit(key: Key, level: LevelPlan, plan: UNetPlan, end: "downsamplers" | "upsamplers"): LevelParams {
  const { resnets, channels, attention: attends, sampler } = level;
  const residual = { inputs: channels, outputs: channels };
  const last = fold(key, end);
  const resampler = (): Sampler =>
    sampler === "resnet" ? resnetInit(last, residual, plan) : { conv: nn.conv2dInit(last, channels, channels, 3) };
  const attend = (i: number) => attentionInit(fold(key, "attentions", i), channels, plan, true);
  return {
    resnets: list(resnets.length, (i) => resnetInit(fold(key, "resnets", i), resnets[i] as ResnetPlan, plan)),
    ...(attends ? { attentions: list(resnets.length, attend) } : {}),
    ...(sampler === undefined ? {} : { [end]: { 0: resampler() } }),
  };
}

/** Parameters of the middle: a residual block, attention, a residual block. */
export function midInit(key: Key, { resnets, channels, attention: attends }: LevelPlan, plan: UNetPlan): LevelParams {
  return {
    ...(attends
      ? { attentions: { 0: attentionInit(fold(key, "attentions", 0), channels, plan, hasMidNorm(plan)) } }
      : {}),
    resnets: list(resnets.length, (i) => resnetInit(fold(key, "resnets", i), resnets[i] as ResnetPlan, plan)),
  };
}

/** The middle's attention has no norm beside scale_shift unless one is asked for. */
const hasMidNorm = ({ config }: UNetPlan): boolean =>
  config.attnNormNumGroups !== null || config.resnetTimeScaleShift === "default";

/** The key of one block's dropout. */
const at = (pass: Pass, ...names: (string | number)[]): Pass =>
  pass.key === undefined ? pass : { ...pass, key: fold(pass.key, ...names) };

/** One level down. @returns What it ends with, and all that the way up takes from it. */
export function levelDown(params: LevelParams, x: Tensor, pass: Pass): { h: Tensor; skips: Tensor[] } {
  const { config } = pass.plan;
  const skips: Tensor[] = [];
  let h = x;
  for (const [i, block] of Object.entries(params.resnets)) {
    h = resnet(block, h, at(pass, i));
    const attend = params.attentions?.[i];
    if (attend !== undefined) h = attention(attend, h, pass, config.normNumGroups);
    skips.push(h);
  }
  const sampler = params.downsamplers?.[0];
  if (sampler === undefined) return { h, skips };
  h =
    "norm1" in sampler
      ? resnet(sampler, h, at(pass, "sampler"), { resample: averagePixels })
      : halve(sampler.conv, h, config.downsamplePadding);
  return { h, skips: [...skips, h] };
}

/** The middle. */
export function middle(params: LevelParams, x: Tensor, pass: Pass): Tensor {
  const { midBlockScaleFactor: scale, attnNormNumGroups, normNumGroups } = pass.plan.config;
  const [first, second] = Object.values(params.resnets) as [ResnetParams, ResnetParams];
  let h = resnet(first, x, at(pass, 0), { scale });
  const attend = params.attentions?.[0];
  if (attend !== undefined) h = attention(attend, h, pass, attnNormNumGroups ?? normNumGroups, scale);
  return resnet(second, h, at(pass, 1), { scale });
}

/** One level up. @param skips What the way down left, taken from its end. */
export function levelUp(params: LevelParams, x: Tensor, skips: Tensor[], pass: Pass): Tensor {
  let h = x;
  for (const [i, block] of Object.entries(params.resnets)) {
    h = resnet(block, tf.concat([h, skips.pop() as Tensor], 3), at(pass, i));
    const attend = params.attentions?.[i];
    if (attend !== undefined) h = attention(attend, h, pass, pass.plan.config.normNumGroups);
  }
  const sampler = params.upsamplers?.[0];
  if (sampler === undefined) return h;
  if ("norm1" in sampler) return resnet(sampler, h, at(pass, "sampler"), { resample: repeatPixels });
  return nn.conv2d(sampler.conv, repeatPixels(h));
}
