import { fold, type Key, mapTree, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Architecture } from "../architecture.js";
import type { Sequences } from "../tasks/task.js";
import type { KeyValue } from "./attention.js";
import {
  decode,
  decodeStep,
  type EncoderDecoderParams,
  encode,
  encoderDecoderInit,
  encoderDecoderLogits,
  type Memory,
} from "./encoder-decoder.js";
import { type GptParams, gptFeatures, gptForward, gptInit, gptLogits, gptStep, type NextPlace } from "./gpt.js";

/** What a generation begins with. */
export interface Prompt {
  /** int32, `(B, P)`; rows shorter than P are padded at the left. */
  readonly tokens: Tensor;
  /** Padding of each row, int32 `(B,)`; none when absent. */
  readonly padding?: Tensor | undefined;
  /** Of pairs, int32 `(B, S)`, padded at the right. */
  readonly source?: Tensor | undefined;
}

/** What a generation has read so far. */
export interface Reading {
  /** Logits of the next token, `(B, V)`. */
  readonly logits: Tensor;
  /** Keys and values of the sequence by layer. */
  readonly layers: readonly KeyValue[];
  /** Of the source. */
  readonly memory?: Memory;
}

/** A network as training, scoring and generation see it. */
export interface Network {
  /** Parameter groups. */
  readonly groups: readonly string[];
  init(key: Key): any;
  /** Logits of every target, `(B, T, V)`. @param key Of dropout; absent when nothing is dropped. */
  logits(params: any, sequences: Sequences, key?: Key): Tensor;
  /** What a layer in the middle sees at every position, `(B, T, C)`; absent in a network of pairs. */
  features?(params: any, sequences: Sequences): Tensor;
  /** Reads a prompt, and the source of pairs, in one pass. */
  prefill(params: any, prompt: Prompt): Reading;
  /** Reads one more token of every row. @param tokens int32, `(B,)`. @param before Its cache has room at `place.slot`. */
  step(params: any, tokens: Tensor, before: Omit<Reading, "logits">, place: NextPlace): Reading;
}

/** The network of an architecture. @param pad Of sources: what is padding. */
export function createNetwork(architecture: Architecture, pad: number): Network {
  return architecture.network === "gpt" ? gptNetwork(architecture) : encoderDecoderNetwork(architecture, pad);
}

/** The vector of the last position. @param x Shape `(B, T, C)`. @returns Shape `(B, C)`. */
function lastOf(x: Tensor): Tensor {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.reshape(tf.slice(x, [0, length - 1, 0], [batch, 1, width]), [batch, width]);
}

function gptNetwork(architecture: Architecture): Network {
  return {
    groups: architecture.tied ? ["transformer"] : ["transformer", "lm_head"],
    init: (key) => gptInit(architecture, key),
    logits: (params: GptParams, { inputs }, key) =>
      gptLogits(architecture, params, gptForward(architecture, params, inputs, { key }).x),
    features: (params: GptParams, { inputs }) => gptFeatures(architecture, params, inputs),
    prefill(params: GptParams, { tokens, padding }) {
      const { x, keyValues } = gptForward(architecture, params, tokens, { padding });
      return { logits: gptLogits(architecture, params, lastOf(x)), layers: keyValues };
    },
    step(params: GptParams, tokens, { layers }, place) {
      const { x, keyValues } = gptStep(architecture, params, tokens, layers, place);
      return { logits: gptLogits(architecture, params, x), layers: keyValues };
    },
  };
}

function encoderDecoderNetwork(architecture: Architecture, pad: number): Network {
  const groups = ["shared", "encoder", "decoder"];
  const presence = (source: Tensor) => tf.notEqual(source, tf.scalar(pad, "int32"));
  return {
    groups: architecture.tied ? groups : [...groups, "lm_head"],
    init: (key) => encoderDecoderInit(architecture, key),
    logits(params: EncoderDecoderParams, { inputs, source }, key) {
      const keyOf = (name: string) => (key === undefined ? undefined : fold(key, name));
      const read = source as Tensor;
      const memory = encode(architecture, params, read, presence(read), keyOf("encoder"));
      return encoderDecoderLogits(
        architecture,
        params,
        decode(architecture, params, inputs, memory, keyOf("decoder")).x,
      );
    },
    prefill(params: EncoderDecoderParams, { tokens, source }) {
      const read = source as Tensor;
      const memory = encode(architecture, params, read, presence(read));
      const { x, keyValues } = decode(architecture, params, tokens, memory);
      return { logits: encoderDecoderLogits(architecture, params, lastOf(x)), layers: keyValues, memory };
    },
    step(params: EncoderDecoderParams, tokens, { layers, memory }, { slot }) {
      const { x, keyValues } = decodeStep(architecture, params, tokens, memory as Memory, layers, slot);
      return {
        logits: encoderDecoderLogits(architecture, params, x),
        layers: keyValues,
        memory: memory as Memory,
      };
    },
  };
}

/** Rows of every tensor repeated or picked: fan-out of one prompt, or the survivors of a beam. @param rows int32, `(B',)`. */
export function pickRows<T>(tree: T, rows: Tensor): T {
  return mapTree(tree as TensorTree, (x) => tf.gather(x, rows as tf.Tensor1D)) as T;
}
