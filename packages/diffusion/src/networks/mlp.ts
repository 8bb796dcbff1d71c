import { fold, type Key, nn, silu, sizeOf, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import type { Network, NetworkSubject } from "./network.js";

/** Sizes of the MLP. */
export const mlpConfig = z.strictObject({
  width: z.int().min(4).default(128).describe("hidden width"),
  depth: z.int().min(1).default(3).describe("residual blocks"),
});

/** Checked {@link mlpConfig}. */
export type MlpConfig = z.output<typeof mlpConfig>;

/** Parameters of a block: `x + outer(silu(inner(norm(x)) + condition))`. */
type BlockParams = { readonly norm: nn.NormParams } & Readonly<
  Record<"inner" | "condition" | "outer", nn.KernelParams>
>;

interface Params {
  readonly input: nn.KernelParams;
  readonly time: nn.MlpParams;
  readonly classes?: nn.EmbeddingParams;
  readonly blocks: Readonly<Record<string, BlockParams>>;
  readonly norm: nn.NormParams;
  readonly output: nn.KernelParams;
}

/**
 * A residual MLP for points, vectors and anything that can be flattened: every block is shifted by an embedding of time and class, as the residual
 * blocks of Ho et al., 2020, appendix B are. https://arxiv.org/abs/2006.11239
 */
export function mlpNetwork({ width, depth }: MlpConfig, { shape, classes }: NetworkSubject): Network {
  const features = sizeOf(shape);
  return {
    init: (key) => initParams(key, { width, depth, features, classes }) as unknown as TensorTree,
    apply(tree, x, { time, label }) {
      const params = tree as unknown as Params;
      const condition = embed(params, time, label, width); // (B, width)
      let h = nn.linear(params.input, tf.reshape(x, [-1, features])); // (B, width)
      for (let i = 0; i < depth; i++) h = block(params.blocks[`block${i}`] as BlockParams, h, condition);
      return tf.reshape(nn.linear(params.output, nn.layerNorm(params.norm, h)), x.shape);
    },
  };
}

function initParams(
  key: Key,
  { width, depth, features, classes }: MlpConfig & { features: number; classes: number | undefined },
): Params {
  const zero = { kernelInit: nn.zeros };
  const block = (k: Key): BlockParams => ({
    norm: nn.layerNormInit(width),
    inner: nn.linearInit(fold(k, "inner"), width, width),
    condition: nn.linearInit(fold(k, "condition"), width, width),
    outer: nn.linearInit(fold(k, "outer"), width, width, zero), // a block begins as the identity
  });
  return {
    input: nn.linearInit(fold(key, "input"), features, width),
    time: nn.mlpInit(fold(key, "time"), [width, width, width]),
    ...(classes === undefined ? {} : { classes: nn.embeddingInit(fold(key, "classes"), classes, width) }),
    blocks: Object.fromEntries(
      Array.from({ length: depth }, (_, i) => [`block${i}`, block(fold(fold(key, "blocks"), i))]),
    ),
    norm: nn.layerNormInit(width),
    output: nn.linearInit(fold(key, "output"), width, features, zero),
  };
}

/** Time and class as one vector, shape `(B, width)`. */
function embed(params: Params, time: Tensor, label: Tensor | undefined, width: number): Tensor {
  const t = nn.mlp(params.time, nn.sinusoidalEmbedding(time, width), silu);
  const sum = params.classes && label ? tf.add(t, nn.embedding(params.classes, label)) : t;
  return silu(sum);
}

function block(params: BlockParams, h: Tensor, condition: Tensor): Tensor {
  const inner = nn.linear(params.inner, nn.layerNorm(params.norm, h));
  return tf.add(h, nn.linear(params.outer, silu(tf.add(inner, nn.linear(params.condition, condition)))));
}
