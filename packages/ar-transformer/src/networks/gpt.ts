/*
 * Decoder-only transformers.
 *
 *   Radford et al., "Language models are unsupervised multitask learners", 2019: §2.3 the model.
 *   Touvron et al., "LLaMA", 2023: §2.2 the modern block. https://arxiv.org/abs/2302.13971
 *
 * Tokens become vectors, layers add to them what attention to earlier positions and a feed-forward network find, and the last vector of a
 * position scores the token that comes next.
 */
import { fold, type Key } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Architecture } from "../architecture.js";
import { type KeyValue, slotsOf } from "./attention.js";
import { embed, logitsOf, type Table, tableInit } from "./embedding.js";
import { normalize } from "./layers.js";
import { lookAheadBias, paddingBias } from "./masks.js";
import { type StackParams, stack, stackInit } from "./stack.js";

/** The parameter groups; paths are those of GPT-2's weights at Hugging Face. */
export interface GptParams {
  readonly transformer: StackParams & { readonly wte: Table; readonly wpe?: Table };
  /** Output matrix `(V, C)`, when it is not the embedding. */
  readonly lm_head?: Table;
}

export function gptInit(architecture: Architecture, key: Key): GptParams {
  const { vocabSize, outputs, blockSize, positions, tied } = architecture;
  return {
    transformer: {
      wte: tableInit(architecture, fold(key, "wte"), vocabSize),
      ...(positions === "learned" ? { wpe: tableInit(architecture, fold(key, "wpe"), blockSize) } : {}),
      ...stackInit(architecture, fold(key, "stack")),
    },
    ...(tied ? {} : { lm_head: tableInit(architecture, fold(key, "lm_head"), outputs) }),
  };
}

/** Logits of vectors. @param x Shape `(..., C)`. @returns Shape `(..., V)`. */
export function gptLogits(architecture: Architecture, params: GptParams, x: Tensor): Tensor {
  return logitsOf(architecture, params.lm_head ?? params.transformer.wte, x);
}

/** What one pass over whole sequences needs besides tokens. */
export interface GptPass {
  /** Padding at the left of each sequence, int32 `(B,)`: positions count from the first token. None when absent. */
  readonly padding?: Tensor | undefined;
  /** Of dropout; absent when nothing is dropped. */
  readonly key?: Key | undefined;
}

/** One pass over whole sequences. @param tokens int32, `(B, T)`. @returns The last vectors `(B, T, C)`, and keys and values by layer. */
export function gptForward(architecture: Architecture, { transformer }: GptParams, tokens: Tensor, pass: GptPass = {}) {
  const length = tokens.shape[1] as number;
  const places = pass.padding === undefined ? undefined : placesAfter(pass.padding, length);
  const embedKey = pass.key === undefined ? undefined : fold(pass.key, "embedding");
  const { x, rotation } = embed(architecture, transformer, tokens, places?.positions, embedKey);
  const mask = lookAheadBias(length);
  const bias = places === undefined ? mask : tf.maximum(tf.add(mask, paddingBias(places.present)), -1e9);
  return stack(architecture, transformer, x, { rotation, bias, key: pass.key });
}

/**
 * What the middle layer reads, normalised: classes lie most open there, since the last layers turn to the next token (Chen et al., "Image GPT",
 * 2020, §4.2).
 *
 * @param tokens int32, `(B, T)`. @returns Shape `(B, T, C)`.
 */
export function gptFeatures(architecture: Architecture, { transformer }: GptParams, tokens: Tensor): Tensor {
  const { nLayer, placement } = architecture;
  const middle = Math.max(1, Math.floor(nLayer / 2));
  const { x, rotation } = embed(architecture, transformer, tokens, undefined, undefined);
  const bias = lookAheadBias(tokens.shape[1] as number);
  const read = stack({ ...architecture, nLayer: middle }, { h: transformer.h }, x, { rotation, bias }).x;
  const norm = middle === nLayer ? transformer.ln_f : transformer.h[middle]?.ln_1;
  return placement === "post" || norm === undefined ? read : normalize(architecture, norm, read);
}

/** Positions counted from the first token of each row, `(B, T)`; 0 in the padding, which `present` tells. */
function placesAfter(padding: Tensor, length: number): { positions: Tensor; present: Tensor } {
  const counted = tf.sub(tf.range(0, length, 1, "int32"), tf.reshape(padding, [padding.size, 1]));
  return {
    positions: tf.maximum(counted, tf.scalar(0, "int32")),
    present: tf.greaterEqual(counted, tf.scalar(0, "int32")),
  };
}

/** Where the next position of a generation goes. */
export interface NextPlace {
  /** Column of the cache that it takes, int32 scalar. */
  readonly slot: Tensor;
  /** Padding at the left of each row of the cache, int32 `(B,)`. */
  readonly padding: Tensor;
}

/** One more position of every sequence. @param tokens int32, `(B,)`. @returns The last vectors `(B, C)`, and the grown cache. */
export function gptStep(
  architecture: Architecture,
  { transformer }: GptParams,
  tokens: Tensor,
  layers: readonly KeyValue[],
  { slot, padding }: NextPlace,
): { x: Tensor; keyValues: KeyValue[] } {
  const batch = tokens.shape[0] as number;
  const slots = slotsOf(layers[0] as KeyValue);
  const counted = tf.reshape(tf.sub(slot, padding), [batch, 1]);
  const position = tf.minimum(counted, tf.scalar(architecture.blockSize - 1, "int32")); // a last token is read in vain
  const { x, rotation } = embed(architecture, transformer, tf.reshape(tokens, [batch, 1]), position, undefined);
  const result = stack(architecture, transformer, x, {
    rotation,
    bias: cacheBias(slots, { slot, padding }),
    cache: { layers, slot },
  });
  return { x: tf.reshape(result.x, [batch, architecture.nEmbd]), keyValues: result.keyValues };
}

/** Hides padding and what is not written yet. @returns Shape `(B, 1, 1, slots)`. */
export function cacheBias(slots: number, { slot, padding }: NextPlace): Tensor {
  const columns = tf.range(0, slots, 1, "int32");
  const written = tf.lessEqual(columns, slot); // (slots,)
  const after = tf.greaterEqual(columns, tf.reshape(padding, [padding.size, 1])); // (B, slots)
  return paddingBias(tf.logicalAnd(written, after));
}
