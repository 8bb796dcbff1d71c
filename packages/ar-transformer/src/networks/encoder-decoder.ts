/*
 * The encoder-decoder transformer.
 *
 *   Vaswani et al., "Attention is all you need", 2017: §3.1 the stacks, §3.2 attention, §3.4 shared embeddings, §3.5 sinusoids, §5.3 the learning
 *   rate, §5.4 dropout and label smoothing. https://arxiv.org/abs/1706.03762
 *
 * The encoder reads the source in both directions; the decoder reads the target from left to right and looks at the encoder's last vectors. One
 * table embeds source and target and scores the output.
 */
import { fold, type Key } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Architecture } from "../architecture.js";
import { type CrossAttentionParams, crossKeyValue, type KeyValue, slotsOf } from "./attention.js";
import { embed, logitsOf, type Table, tableInit } from "./embedding.js";
import { cacheBias } from "./gpt.js";
import { lookAheadBias, paddingBias } from "./masks.js";
import { type StackParams, stack, stackInit } from "./stack.js";

/** The parameter groups. */
export interface EncoderDecoderParams {
  readonly shared: Table;
  readonly encoder: StackParams & { readonly wpe?: Table };
  readonly decoder: StackParams & { readonly wpe?: Table };
  /** Output matrix `(V, C)`, when it is not the embedding. */
  readonly lm_head?: Table;
}

export function encoderDecoderInit(architecture: Architecture, key: Key): EncoderDecoderParams {
  const { vocabSize, outputs, blockSize, positions, tied } = architecture;
  const part = (name: string, cross: boolean) => ({
    ...(positions === "learned" ? { wpe: tableInit(architecture, fold(key, name, "wpe"), blockSize) } : {}),
    ...stackInit(architecture, fold(key, name), { cross }),
  });
  return {
    shared: tableInit(architecture, fold(key, "shared"), vocabSize),
    encoder: part("encoder", false),
    decoder: part("decoder", true),
    ...(tied ? {} : { lm_head: tableInit(architecture, fold(key, "lm_head"), outputs) }),
  };
}

/** What the decoder knows of the source: computed once, whatever the length of the target. */
export interface Memory {
  /** Keys and values of every decoder layer's cross-attention. */
  readonly layers: readonly KeyValue[];
  /** Hides the source's padding, `(B, 1, 1, S)`. */
  readonly bias: Tensor;
}

/** Reads a source. @param source int32, `(B, S)`. @param present Nonzero where it is not padding. @param key Of dropout. */
export function encode(
  architecture: Architecture,
  params: EncoderDecoderParams,
  source: Tensor,
  present: Tensor,
  key?: Key,
): Memory {
  const { encoder, decoder, shared } = params;
  const bias = paddingBias(present);
  const tables = { wte: shared, wpe: encoder.wpe };
  const { x, rotation } = embed(architecture, tables, source, undefined, key && fold(key, "embedding"));
  const memory = stack(architecture, encoder, x, { rotation, bias, key }).x;
  const layers = Array.from({ length: architecture.nLayer }, (_, i) =>
    crossKeyValue(architecture, decoder.h[i]?.crossattention as CrossAttentionParams, memory),
  );
  return { layers, bias };
}

/** Teacher forcing: one pass over whole targets. @param tokens int32, `(B, T)`: the target behind its begin token. @returns Shape `(B, T, C)`. */
export function decode(
  architecture: Architecture,
  { decoder, shared }: EncoderDecoderParams,
  tokens: Tensor,
  memory: Memory,
  key?: Key,
): { x: Tensor; keyValues: KeyValue[] } {
  const tables = { wte: shared, wpe: decoder.wpe };
  const { x, rotation } = embed(architecture, tables, tokens, undefined, key && fold(key, "embedding"));
  const bias = lookAheadBias(tokens.shape[1] as number);
  return stack(architecture, decoder, x, { rotation, bias, memory: memory.layers, memoryBias: memory.bias, key });
}

/** One more position of every target. @param tokens int32, `(B,)`. @param slot Position, int32 scalar. @returns Shape `(B, C)`, and the grown cache. */
export function decodeStep(
  architecture: Architecture,
  { decoder, shared }: EncoderDecoderParams,
  tokens: Tensor,
  memory: Memory,
  layers: readonly KeyValue[],
  slot: Tensor,
): { x: Tensor; keyValues: KeyValue[] } {
  const batch = tokens.shape[0] as number;
  const slots = slotsOf(layers[0] as KeyValue);
  const tables = { wte: shared, wpe: decoder.wpe };
  const position = tf.minimum(slot, tf.scalar(architecture.blockSize - 1, "int32")); // a last token is read in vain
  const places = tf.reshape(position, [1]);
  const { x, rotation } = embed(architecture, tables, tf.reshape(tokens, [batch, 1]), places, undefined);
  const result = stack(architecture, decoder, x, {
    rotation,
    bias: cacheBias(slots, { slot, padding: tf.zeros([1], "int32") }),
    cache: { layers, slot },
    memory: memory.layers,
    memoryBias: memory.bias,
  });
  return { x: tf.reshape(result.x, [batch, architecture.nEmbd]), keyValues: result.keyValues };
}

/** Logits of vectors. @param x Shape `(..., C)`. @returns Shape `(..., V)`. */
export function encoderDecoderLogits(architecture: Architecture, params: EncoderDecoderParams, x: Tensor): Tensor {
  return logitsOf(architecture, params.lm_head ?? params.shared, x);
}
