import { fold, type Key, nn } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Architecture } from "../architecture.js";
import {
  type AttentionParams,
  attend,
  attentionInit,
  type CrossAttentionParams,
  crossAttention,
  crossAttentionInit,
  extend,
  type KeyValue,
  projectHeads,
} from "./attention.js";
import { type Affine, affine, type MlpParams, mlp, mlpInit, normalize, normInit } from "./layers.js";
import type { Rotation } from "./positions.js";

/** One layer; those of a decoder that looks at a source have cross-attention. Names are those of GPT-2's files. */
export interface LayerParams {
  readonly ln_1: Affine;
  readonly attn: AttentionParams;
  readonly ln_cross_attn?: Affine;
  readonly crossattention?: CrossAttentionParams;
  readonly ln_2: Affine;
  readonly mlp: MlpParams;
}

/** Layers by number, and the norm after the last one: of pre-norm networks only. */
export interface StackParams {
  readonly h: Readonly<Record<string, LayerParams>>;
  readonly ln_f?: Affine;
}

/** What the layers of one pass look at. */
export interface View {
  readonly rotation?: Rotation | undefined;
  /** Added to the scores of self-attention, broadcasts to `(B, 1, T, S)`. */
  readonly bias?: Tensor | undefined;
  /** Keys and values of earlier positions by layer, and where those of `x` (one position) are written. */
  readonly cache?: { readonly layers: readonly KeyValue[]; readonly slot: Tensor };
  /** Of the source, by layer. */
  readonly memory?: readonly KeyValue[];
  /** Hides the source's padding, `(B, 1, 1, S)`. */
  readonly memoryBias?: Tensor | undefined;
  /** Of dropout; absent when nothing is dropped. */
  readonly key?: Key | undefined;
}

export function stackInit(
  architecture: Architecture,
  key: Key,
  options: { readonly cross?: boolean } = {},
): StackParams {
  const { nLayer, nEmbd, placement } = architecture;
  const layers = Array.from({ length: nLayer }, (_, i): [string, LayerParams] => {
    const at = fold(key, "h", i);
    const cross = {
      ln_cross_attn: normInit(architecture, nEmbd),
      crossattention: crossAttentionInit(architecture, fold(at, "crossattention")),
    };
    return [
      String(i),
      {
        ln_1: normInit(architecture, nEmbd),
        attn: attentionInit(architecture, fold(at, "attn")),
        ...(options.cross === true ? cross : {}),
        ln_2: normInit(architecture, nEmbd),
        mlp: mlpInit(architecture, fold(at, "mlp")),
      },
    ];
  });
  return { h: Object.fromEntries(layers), ...(placement === "pre" ? { ln_f: normInit(architecture, nEmbd) } : {}) };
}

/** All layers. @param x Shape `(B, T, C)`. @returns The same shape, and keys and values of every layer: with a cache, the cache and `x`. */
export function stack(
  architecture: Architecture,
  { h, ln_f }: StackParams,
  x: Tensor,
  view: View,
): { x: Tensor; keyValues: KeyValue[] } {
  const keyValues: KeyValue[] = [];
  let y = x;
  for (let i = 0; i < architecture.nLayer; i++) {
    const key = view.key === undefined ? undefined : fold(view.key, "layer", i);
    const result = layer(architecture, h[i] as LayerParams, y, { ...view, key }, i);
    keyValues.push(result.keyValue);
    y = result.x;
  }
  return { x: ln_f === undefined ? y : normalize(architecture, ln_f, y), keyValues };
}

function layer(architecture: Architecture, params: LayerParams, x: Tensor, view: View, i: number) {
  const { cache, memory, memoryBias } = view;
  const keyOf = (name: string) => (view.key === undefined ? undefined : fold(view.key, name));
  const dropout = (name: string) =>
    view.key === undefined ? {} : { dropout: { key: fold(view.key, name), rate: architecture.dropout } };
  let keyValue: KeyValue | undefined;
  let y = sublayer(architecture, params.ln_1, x, keyOf("attn"), (input) => {
    const { q, k, v } = projectHeads(architecture, params.attn, input, view.rotation);
    keyValue = cache === undefined ? { k, v } : extend(cache.layers[i] as KeyValue, { k, v }, cache.slot);
    return affine(params.attn.c_proj, attend(q, keyValue, view.bias, dropout("weights").dropout));
  });
  const { crossattention, ln_cross_attn } = params;
  if (crossattention !== undefined && ln_cross_attn !== undefined && memory !== undefined) {
    y = sublayer(architecture, ln_cross_attn, y, keyOf("crossattention"), (input) =>
      crossAttention(
        architecture,
        crossattention,
        input,
        memory[i] as KeyValue,
        memoryBias,
        dropout("cross weights").dropout,
      ),
    );
  }
  y = sublayer(architecture, params.ln_2, y, keyOf("mlp"), (input) => mlp(architecture, params.mlp, input));
  return { x: y, keyValue: keyValue as KeyValue };
}

/** `x + f(norm(x))`, or `norm(x + f(x))` as in Vaswani et al., 2017, §3.1; training drops parts of `f`. */
function sublayer(
  architecture: Architecture,
  norm: Affine,
  x: Tensor,
  key: Key | undefined,
  f: (x: Tensor) => Tensor,
): Tensor {
  const dropped = (y: Tensor) => nn.dropout(key, y, architecture.dropout);
  if (architecture.placement === "pre") return tf.add(x, dropped(f(normalize(architecture, norm, x))));
  return normalize(architecture, norm, tf.add(x, dropped(f(x))));
}
