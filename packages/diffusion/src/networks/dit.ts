import { fold, gelu, type Key, layerNorm, nn, silu, type TensorTree, UserError } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import type { Network, NetworkSubject } from "./network.js";
import { sinusoids } from "./time-features.js";

const size = z.int().min(1);

/** Sizes of the diffusion transformer. */
export const ditConfig = z.strictObject({
  patch: size.default(4).describe("side of a patch in pixels; 28x28 pictures become 49 tokens"),
  width: size.default(128).describe("width of a token"),
  depth: size.default(6).describe("blocks"),
  heads: size.default(4).describe("attention heads; they must divide the width"),
  mlpRatio: size.default(4).describe("width of the feed-forward layers in widths of a token"),
});

/** Checked {@link ditConfig}. */
export type DitConfig = z.output<typeof ditConfig>;

/** `modulation` gives shift, scale and gate of the attention and of the MLP, side by side. */
interface BlockParams {
  readonly modulation: nn.KernelParams;
  readonly attention: nn.AttentionParams;
  readonly mlp: nn.MlpParams;
}

interface Params {
  readonly patches: nn.KernelParams;
  readonly positions: Tensor;
  readonly time: nn.MlpParams;
  readonly classes?: nn.EmbeddingParams;
  readonly blocks: Readonly<Record<string, BlockParams>>;
  readonly last: { readonly modulation: nn.KernelParams; readonly output: nn.KernelParams };
}

/** Width of the sinusoids of the time. Peebles & Xie, 2022, published code. */
const TIME_FEATURES = 256;
/** Shift, scale and gate, twice. */
const MODULATIONS = 6;

/**
 * A transformer over patches of a picture whose norms are shifted and scaled, and whose branches are gated, by time and class (adaLN-Zero).
 * Peebles & Xie, 2022, §3.2, figure 3. https://arxiv.org/abs/2212.09748
 *
 * @throws UserError when the data are no images that patches divide.
 */
export function ditNetwork(config: DitConfig, { shape, classes }: NetworkSubject): Network {
  const [height, width, channels] = checkShape(config, shape);
  const { patch, depth, heads } = config;
  const grid = { rows: height / patch, columns: width / patch, patch, channels };
  return {
    init: (key) => initParams(key, config, grid, classes) as unknown as TensorTree,
    apply(tree, x, { time, label }) {
      const params = tree as unknown as Params;
      const condition = silu(embed(params, time, label)); // (B, width)
      let h = tf.add(nn.linear(params.patches, toPatches(x, grid)), params.positions); // (B, tokens, width)
      for (let i = 0; i < depth; i++) h = block(params.blocks[i] as BlockParams, h, condition, heads);
      const [shift, scale] = modulations(params.last.modulation, condition, 2) as [Tensor, Tensor];
      return fromPatches(nn.linear(params.last.output, modulated(h, shift, scale)), grid);
    },
  };
}

interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly patch: number;
  readonly channels: number;
}

function initParams(key: Key, config: DitConfig, grid: Grid, classes: number | undefined): Params {
  const { width, depth, mlpRatio } = config;
  const zero = { kernelInit: nn.zeros };
  const pixels = grid.patch ** 2 * grid.channels;
  const block = (k: Key): BlockParams => ({
    modulation: nn.linearInit(fold(k, "modulation"), width, MODULATIONS * width, zero), // a block begins as the identity
    attention: nn.multiHeadAttentionInit(fold(k, "attention"), width),
    mlp: nn.mlpInit(fold(k, "mlp"), [width, mlpRatio * width, width]),
  });
  return {
    patches: nn.linearInit(fold(key, "patches"), pixels, width),
    positions: positions(grid, width),
    time: nn.mlpInit(fold(key, "time"), [TIME_FEATURES, width, width]),
    ...(classes === undefined ? {} : { classes: nn.embeddingInit(fold(key, "classes"), classes, width) }),
    blocks: Object.fromEntries(Array.from({ length: depth }, (_, i) => [i, block(fold(key, "blocks", i))])),
    last: {
      modulation: nn.linearInit(fold(key, "last", "modulation"), width, 2 * width, zero),
      output: nn.linearInit(fold(key, "last", "output"), width, pixels, zero),
    },
  };
}

/** First positions: sinusoids of the row beside those of the column, shape `(tokens, width)`. They are trained on. */
function positions({ rows, columns }: Grid, width: number): Tensor {
  const half = width / 2;
  const ofRows = tf.reshape(nn.sinusoidalPositions(rows, half), [rows, 1, half]);
  const ofColumns = tf.reshape(nn.sinusoidalPositions(columns, half), [1, columns, half]);
  const both = [tf.tile(ofRows, [1, columns, 1]), tf.tile(ofColumns, [rows, 1, 1])];
  return tf.reshape(tf.concat(both, 2), [rows * columns, width]);
}

/** Time and class as one vector, shape `(B, width)`. */
function embed(params: Params, time: Tensor, label: Tensor | undefined): Tensor {
  const features = nn.mlp(params.time, sinusoids(time, TIME_FEATURES), silu);
  return params.classes && label ? tf.add(features, nn.embedding(params.classes, label)) : features;
}

/** `n` vectors for every example, shape `(B, 1, width)` each. */
function modulations(params: nn.KernelParams, condition: Tensor, n: number): Tensor[] {
  const all = nn.linear(params, condition); // (B, n width)
  return tf.split(tf.reshape(all, [all.shape[0] as number, 1, all.shape[1] as number]), n, 2);
}

/** `norm(h) (1 + scale) + shift`; the norm has no parameters of its own. */
function modulated(h: Tensor, shift: Tensor, scale: Tensor): Tensor {
  const width = [h.shape[2] as number];
  return tf.add(tf.mul(layerNorm(h, tf.ones(width), tf.zeros(width), 1e-6), tf.add(scale, 1)), shift);
}

function block(params: BlockParams, h: Tensor, condition: Tensor, heads: number): Tensor {
  const [shift1, scale1, gate1, shift2, scale2, gate2] = modulations(params.modulation, condition, MODULATIONS) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const attended = nn.multiHeadAttention(params.attention, modulated(h, shift1, scale1), heads);
  const middle = tf.add(h, tf.mul(gate1, attended));
  return tf.add(middle, tf.mul(gate2, nn.mlp(params.mlp, modulated(middle, shift2, scale2), gelu)));
}

/** `(B, H, W, C)` to `(B, rows columns, patch patch C)`. */
function toPatches(x: Tensor, { rows, columns, patch, channels }: Grid): Tensor {
  const batch = x.shape[0] as number;
  const split = tf.reshape(x, [batch, rows, patch, columns, patch * channels]);
  return tf.reshape(tf.transpose(split, [0, 1, 3, 2, 4]), [batch, rows * columns, patch * patch * channels]);
}

/** The inverse of {@link toPatches}. */
function fromPatches(tokens: Tensor, { rows, columns, patch, channels }: Grid): Tensor {
  const batch = tokens.shape[0] as number;
  const split = tf.reshape(tokens, [batch, rows, columns, patch, patch * channels]);
  return tf.reshape(tf.transpose(split, [0, 1, 3, 2, 4]), [batch, rows * patch, columns * patch, channels]);
}

function checkShape({ patch, width, heads }: DitConfig, shape: readonly number[]): [number, number, number] {
  const [height = 0, breadth = 0] = shape;
  if (shape.length !== 3) {
    throw new UserError(
      "@latentkit/diffusion",
      `network must not be dit for data of shape [${shape}]: it takes images [height, width, channels]; use mlp`,
    );
  }
  if (height % patch !== 0 || breadth % patch !== 0) {
    throw new UserError(
      "@latentkit/diffusion",
      `dit.patch must divide both sides of ${height}x${breadth} images, got ${patch}; choose another number`,
    );
  }
  if (width % heads !== 0 || width % 2 !== 0) {
    throw new UserError(
      "@latentkit/diffusion",
      `dit.width must be even and divided by dit.heads, got ${width} and ${heads}; choose e.g. 128 and 4`,
    );
  }
  return shape as unknown as [number, number, number];
}
