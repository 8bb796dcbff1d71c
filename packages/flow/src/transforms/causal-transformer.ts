import { dynamicUpdateSlice, fold, gelu, type Key, nn, scaledDotProductAttention } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { zeroInit } from "../networks/residual-mlp.js";
import { unroll } from "./chain.js";
import { affine, sumData } from "./elementwise.js";
import type { Scan, Transform } from "./transform.js";

/** Size of a {@link causalTransformer}. */
export interface CausalTransformerOptions {
  /** Tokens of a sequence, T. */
  readonly tokens: number;
  /** Width of the network, divisible by `heads`. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
}

interface LayerParams {
  readonly norm1: nn.NormParams;
  readonly norm2: nn.NormParams;
  readonly qkv: nn.KernelParams;
  readonly project: nn.KernelParams;
  readonly up: nn.KernelParams;
  readonly down: nn.KernelParams;
}

type Params = Readonly<Record<string, any>>;

/** What a token by token decode keeps: noise, data so far, and the keys and values of the tokens already seen, layer by layer. */
type Carry = Readonly<Record<string, Tensor>>;

/** Keys and values `(B, heads, T, width / heads)` of one layer; a step writes its own into them. */
interface Cache {
  readonly t: Tensor;
  read(name: string): Tensor;
  write(name: string, value: Tensor): void;
}

/** Hides a position from attention. */
const HIDDEN = -1e9;

/**
 * A block of TarFlow: the sequence is turned round, then every token is mapped as a causal transformer says that has seen the tokens before it:
 * `z_t = x_t exp(s) + b`, `(s, b) = transformer(x_1 … x_{t-1})`. `encode` is one pass, `decode` one token a step with cached keys and values.
 * Zhai et al., "Normalizing flows are capable generative models", 2024, §3.2. https://arxiv.org/abs/2412.06329
 */
export function causalTransformer(options: CausalTransformerOptions): Transform<any> {
  const { tokens: T, layers } = options;
  const map = affine();
  const encode: Transform<any>["encode"] = (params: Params, x, context) => {
    const turned = tf.reverse(x, 1);
    const { y, logDet } = map.encode(turned, network(options, params, shift(turned), context), params.map);
    return { y, logDet: sumData(logDet) };
  };
  const scan: Scan<any, any> = {
    steps: T,
    start: (_params, z): Carry => ({ z, x: tf.zerosLike(z), ...emptyCaches(options, z.shape[0] as number) }),
    step(params: Params, carry: Carry, i, context): Carry {
      const next: Record<string, Tensor> = { ...carry };
      const cache: Cache = {
        t: i,
        read: (name) => next[name] as Tensor,
        write: (name, value) => {
          next[name] = dynamicUpdateSlice(next[name] as Tensor, value, i, 2);
        },
      };
      const { z, x } = carry as { z: Tensor; x: Tensor };
      const theta = network(options, params, tokenAt(x, tf.sub(i, tf.scalar(1, "int32"))), context, cache); // (B, 1, 2 F)
      const { y } = map.decode(tokenAt(z, i), theta, params.map);
      next.x = dynamicUpdateSlice(x, y, i, 1);
      return next;
    },
    finish: (_params, { x }: Carry) => tf.reverse(x as Tensor, 1),
  };
  return {
    init: (key, x, context) => init(options, layers, key, x.shape[2] as number, context),
    encode,
    decode: unroll(scan, encode),
    scan,
  };
}

function init(
  { tokens, width }: CausalTransformerOptions,
  layers: number,
  key: Key,
  F: number,
  context?: Tensor,
): Params {
  const layer = (i: number) => ({
    norm1: nn.layerNormInit(width),
    norm2: nn.layerNormInit(width),
    qkv: nn.linearInit(fold(key, "qkv", i), width, 3 * width),
    project: nn.linearInit(fold(key, "project", i), width, width),
    up: nn.linearInit(fold(key, "up", i), width, 4 * width),
    down: nn.linearInit(fold(key, "down", i), 4 * width, width),
  });
  return {
    embed: nn.linearInit(fold(key, "embed"), F, width),
    position: nn.normalInit(0.02)(fold(key, "position"), [tokens, width], { in: tokens, out: width }),
    ...(context
      ? { context: nn.linearInit(fold(key, "context"), context.shape[1] as number, width, { bias: false }) }
      : {}),
    layers: Object.fromEntries(Array.from({ length: layers }, (_, i) => [`layer${i}`, layer(i)])),
    norm: nn.layerNormInit(width),
    output: nn.linearInit(fold(key, "output"), width, 2 * F, zeroInit),
    map: affine().init?.(F),
  };
}

/** @param x What each place may see: the token before it, shape `(B, T, F)`, or `(B, 1, F)` with a cache. @returns Shape `(B, T or 1, 2 F)`. */
function network(
  options: CausalTransformerOptions,
  params: Params,
  x: Tensor,
  context?: Tensor,
  cache?: Cache,
): Tensor {
  const { tokens: T, width, heads } = options;
  const [B, length] = x.shape as [number, number];
  const place = cache === undefined ? params.position : tf.matMul(oneHot(cache.t, T, [1, T]), params.position);
  let h = tf.add(nn.linear(params.embed, x), tf.expandDims(place, 0));
  if (context !== undefined) h = tf.add(h, tf.expandDims(nn.linear(params.context, context), 1));
  for (let i = 0; i < options.layers; i++) {
    const layer = params.layers[`layer${i}`] as LayerParams;
    const qkv = nn.linear(layer.qkv, nn.layerNorm(layer.norm1, h)); // (B, T, 3 width)
    const split = tf.transpose(tf.reshape(qkv, [B, length, 3 * heads, width / heads]), [0, 2, 1, 3]);
    const [q, k, v] = tf.split(split, 3, 1) as [Tensor, Tensor, Tensor]; // (B, heads, T, width / heads)
    const attended = tf.transpose(attend(q, k, v, i, T, cache), [0, 2, 1, 3]);
    h = tf.add(h, nn.linear(layer.project, tf.reshape(attended, [B, length, width])));
    h = tf.add(h, nn.linear(layer.down, gelu(nn.linear(layer.up, nn.layerNorm(layer.norm2, h)))));
  }
  return nn.linear(params.output, nn.layerNorm(params.norm, h));
}

function attend(q: Tensor, k: Tensor, v: Tensor, layer: number, T: number, cache?: Cache): Tensor {
  if (cache === undefined) return scaledDotProductAttention(q, k, v, { causal: true });
  cache.write(`keys${layer}`, k);
  cache.write(`values${layer}`, v);
  const later = tf.cast(tf.greater(tf.range(0, T, 1, "int32"), cache.t), "float32");
  const bias = tf.reshape(tf.mul(later, HIDDEN), [1, 1, 1, T]);
  return scaledDotProductAttention(q, cache.read(`keys${layer}`), cache.read(`values${layer}`), { bias });
}

function emptyCaches({ tokens, width, heads, layers }: CausalTransformerOptions, B: number): Carry {
  const empty = () => tf.zeros([B, heads, tokens, width / heads]);
  return Object.fromEntries(
    Array.from({ length: layers }, (_, i) => i).flatMap((i) => [
      [`keys${i}`, empty()],
      [`values${i}`, empty()],
    ]),
  );
}

/** Every token moved one place on, zeros in front: `(B, T, F)`. */
function shift(x: Tensor): Tensor {
  const [B, T, F] = x.shape as [number, number, number];
  const start = tf.zeros([B, 1, F]);
  return T === 1 ? start : tf.concat([start, tf.slice(x, [0, 0, 0], [B, T - 1, F])], 1);
}

/** Token `t` of `(B, T, F)`, shape `(B, 1, F)`; zeros for `t = -1`. */
function tokenAt(x: Tensor, t: Tensor): Tensor {
  const T = x.shape[1] as number;
  return tf.sum(tf.mul(x, oneHot(t, T, [1, T, 1])), 1, true);
}

function oneHot(t: Tensor, T: number, shape: number[]): Tensor {
  return tf.reshape(tf.cast(tf.equal(tf.range(0, T, 1, "int32"), t), "float32"), shape);
}
