import { dynamicUpdateSlice, fold, type Key, nn, rmsNorm, scaledDotProductAttention } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Architecture } from "../architecture.js";
import { type Affine, affine, affineInit, deviations } from "./layers.js";
import { type Rotation, rotate } from "./positions.js";

/** Self-attention: query, key and value in one product. */
export interface AttentionParams {
  /** `(C, (nHead + 2 nKvHead) D)`. */
  readonly c_attn: Affine;
  readonly c_proj: Affine;
  readonly q_norm?: Affine;
  readonly k_norm?: Affine;
}

/** Attention to another sequence. */
export interface CrossAttentionParams {
  readonly q_attn: Affine;
  /** Key and value, `(C, 2 C)`. */
  readonly c_attn: Affine;
  readonly c_proj: Affine;
}

/**
 * Keys and values of a sequence, `(B, heads, S, D)` each: all that later positions need of it. A cache of one head is `(B, S, D)`: matrix products
 * drop an axis of size 1, and XLA writes into a tensor in place only when all that reads it reads it in one shape.
 */
export interface KeyValue {
  readonly k: Tensor;
  readonly v: Tensor;
  readonly [name: string]: Tensor;
}

export function attentionInit(architecture: Architecture, key: Key): AttentionParams {
  const { nEmbd, nHead, nKvHead, headDim, bias, qkNorm } = architecture;
  const { reading, writing } = deviations(architecture);
  const unit = (): Affine => ({ weight: tf.ones([headDim]) });
  return {
    c_attn: affineInit(fold(key, "c_attn"), nEmbd, (nHead + 2 * nKvHead) * headDim, bias, reading),
    c_proj: affineInit(fold(key, "c_proj"), nEmbd, nEmbd, bias, writing),
    ...(qkNorm ? { q_norm: unit(), k_norm: unit() } : {}),
  };
}

export function crossAttentionInit(architecture: Architecture, key: Key): CrossAttentionParams {
  const { nEmbd, bias } = architecture;
  const { reading, writing } = deviations(architecture);
  return {
    q_attn: affineInit(fold(key, "q_attn"), nEmbd, nEmbd, bias, reading),
    c_attn: affineInit(fold(key, "c_attn"), nEmbd, 2 * nEmbd, bias, reading),
    c_proj: affineInit(fold(key, "c_proj"), nEmbd, nEmbd, bias, writing),
  };
}

/** `(B, T, heads D)` to `(B, heads, T, D)`. */
function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  if (length === 1) return tf.reshape(x, [batch, heads, 1, width / heads]);
  return tf.transpose(tf.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** `(B, heads, T, D)` to `(B, T, heads D)`. */
function joinHeads(x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape as [number, number, number, number];
  if (length === 1) return tf.reshape(x, [batch, 1, heads * width]);
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, length, heads * width]);
}

/** Queries, keys and values of `x`, `(B, heads, T, D)`; normalised and turned where the architecture says so. */
export function projectHeads(
  { nHead, nKvHead, headDim, epsilon }: Architecture,
  { c_attn, q_norm, k_norm }: AttentionParams,
  x: Tensor,
  rotation: Rotation | undefined,
): KeyValue & { readonly q: Tensor } {
  const sizes = [nHead, nKvHead, nKvHead].map((heads) => heads * headDim);
  const [q, k, v] = tf.split(affine(c_attn, x), sizes, 2).map((part, i) => splitHeads(part, i === 0 ? nHead : nKvHead));
  const placed = (heads: Tensor, norm: Affine | undefined) => {
    const scaled = norm === undefined ? heads : rmsNorm(heads, norm.weight, epsilon);
    return rotation === undefined ? scaled : rotate(scaled, rotation);
  };
  return { q: placed(q as Tensor, q_norm), k: placed(k as Tensor, k_norm), v: v as Tensor };
}

/** What a training step drops attention weights with. */
export interface Dropout {
  readonly key: Key;
  readonly rate: number;
}

/**
 * Attention of grouped queries: query heads `g K' … (g + 1) K' - 1` share the keys and values of head `g` (Ainslie et al., 2023).
 *
 * @param q Shape `(B, nHead, T, D)`. @param bias Added to the scores, broadcasts to `(B, 1, T, S)`; with a cache of one head T is 1. @returns Shape `(B, T, C)`.
 */
export function attend(q: Tensor, { k, v }: KeyValue, bias: Tensor | undefined, dropout?: Dropout): Tensor {
  const [batch, nHead, length, headDim] = q.shape as [number, number, number, number];
  if (k.rank === 3) {
    const rows = tf.reshape(q, [batch, nHead * length, headDim]);
    return joinHeads(tf.reshape(weigh(rows, k, v, bias && tf.squeeze(bias, [1]), dropout), q.shape));
  }
  const groups = nHead / (k.shape[1] as number);
  if (groups === 1) return joinHeads(weigh(q, k, v, bias, dropout));
  const grouped = tf.reshape(q, [batch, nHead / groups, groups * length, headDim]);
  const perGroup = bias === undefined || length === 1 ? bias : tf.tile(bias, [1, 1, groups, 1]);
  return joinHeads(tf.reshape(weigh(grouped, k, v, perGroup, dropout), q.shape));
}

function weigh(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | undefined, dropout: Dropout | undefined): Tensor {
  if (dropout === undefined || dropout.rate === 0)
    return scaledDotProductAttention(q, k, v, bias === undefined ? {} : { bias });
  const scores = tf.mul(tf.matMul(q, k, false, true), (q.shape[3] as number) ** -0.5);
  const weights = tf.softmax(bias === undefined ? scores : tf.add(scores, bias));
  return tf.matMul(nn.dropout(fold(dropout.key, "attention"), weights, dropout.rate), v);
}

/** Keys and values with those of one more position written at `slot`, an int32 scalar. */
export function extend(cache: KeyValue, { k, v }: KeyValue, slot: Tensor): KeyValue {
  const write = (all: Tensor, one: Tensor) =>
    all.rank === 3 ? dynamicUpdateSlice(all, tf.squeeze(one, [1]), slot, 1) : dynamicUpdateSlice(all, one, slot, 2);
  return { k: write(cache.k, k), v: write(cache.v, v) };
}

/** Positions that a cache has room for. */
export function slotsOf({ k }: KeyValue): number {
  return k.shape.at(-2) as number;
}

/** A cache: keys and values with room for `slots` positions. */
export function reserve({ k, v }: KeyValue, slots: number): KeyValue {
  const headless = (x: Tensor) => (x.shape[1] === 1 ? tf.squeeze(x, [1]) : x);
  return enlarge({ k: headless(k), v: headless(v) }, slots);
}

/** A cache with room for more positions behind its own. */
export function enlarge({ k, v }: KeyValue, slots: number): KeyValue {
  const grow = (x: Tensor) => {
    const room: [number, number][] = x.shape.map((size, axis) => [0, axis === x.rank - 2 ? slots - size : 0]);
    return tf.pad(x, room);
  };
  return { k: grow(k), v: grow(v) };
}

/** Keys and values of what cross-attention looks at: computed once a source. @param memory Shape `(B, S, C)`. */
export function crossKeyValue({ nHead }: Architecture, { c_attn }: CrossAttentionParams, memory: Tensor): KeyValue {
  const [k, v] = tf.split(affine(c_attn, memory), 2, 2).map((part) => splitHeads(part, nHead)) as [Tensor, Tensor];
  return { k, v };
}

/** @param x Shape `(B, T, C)`. @returns Shape `(B, T, C)`. */
export function crossAttention(
  { nHead }: Architecture,
  params: CrossAttentionParams,
  x: Tensor,
  memory: KeyValue,
  bias: Tensor | undefined,
  dropout?: Dropout,
): Tensor {
  return affine(params.c_proj, attend(splitHeads(affine(params.q_attn, x), nHead), memory, bias, dropout));
}
