import {
  clampLogVar,
  type DatumSpec,
  fold,
  gelu,
  type Key,
  silu,
  type TensorTree,
  UserError,
  uniform,
} from "@latentkit/core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { VaeConfig } from "./config.js";
import type { Posterior } from "./loss.js";

/** Encoder and decoder as pure functions of their parameters. */
export interface Network {
  init(key: Key): { encoder: TensorTree; decoder: TensorTree };
  /** @param x Features, shape `(B, ...datum.shape)`. @param label Shape `(B,)` int32 when conditional. */
  encode(params: TensorTree, x: Tensor, label?: Tensor): Posterior;
  /** @param z Shape `(N, latentDim)`. @returns Parameters of `p(x|z)`, shape `(N, ...datum.shape)`. */
  decode(params: TensorTree, z: Tensor, label?: Tensor): Tensor;
}

interface Layer {
  readonly kernel: Tensor;
  readonly bias: Tensor;
}

interface EncoderParams {
  /** Convolutions, none for mlp. */
  readonly conv: Readonly<Record<string, Layer>>;
  readonly hidden: Readonly<Record<string, Layer>>;
  /** Gives `mu` and `logVar` side by side. */
  readonly posterior: Layer;
}

interface DecoderParams {
  readonly hidden: Readonly<Record<string, Layer>>;
  readonly output: Layer;
  readonly conv: Readonly<Record<string, Layer>>;
}

const CONV_SIZE = 4; // a multiple of the stride, so that transposed convolutions cover every pixel evenly

/** The network that `auto` stands for: conv for colour images and images above 28x28, mlp for all other data. */
export function chooseNetwork(asked: VaeConfig["network"], { shape }: DatumSpec): "mlp" | "conv" {
  const isImage = shape.length === 3;
  if (asked === "conv" && !isImage) {
    throw new UserError(
      "@latentkit/vae",
      `network must be mlp for data of shape [${shape}], got "conv"; images have shape [height, width, channels]`,
    );
  }
  if (asked !== "auto") return asked;
  return isImage && (shape[2] !== 1 || product(shape) > 28 * 28) ? "conv" : "mlp";
}

/**
 * Encoder and decoder of a VAE. Convolutions (conv only) halve the image while its channels grow; dense layers lead from there
 * to `mu` and `logVar`; the decoder is the mirror image. A label enters as a one-hot vector beside the dense layers' input.
 *
 * @param classes Number of classes of a conditional model.
 * @throws UserError when convolutions are asked for data that are no images.
 */
export function createNetwork(config: VaeConfig, datum: DatumSpec, classes: number | undefined): Network {
  const channels = chooseNetwork(config.network, datum) === "conv" ? config.channels : [];
  const sizes = pyramid(datum.shape, channels); // (H, W, C) after every convolution, the data first
  const top = sizes[sizes.length - 1] as readonly number[];
  const labelWidth = classes ?? 0;
  const activation = { relu: tf.relu, tanh: tf.tanh, silu, gelu }[config.activation] as (x: Tensor) => Tensor;
  const withLabel = (x: Tensor, label?: Tensor) =>
    classes === undefined ? x : tf.concat([x, tf.oneHot(label as Tensor, classes, 1, 0, "float32")], -1);

  return {
    init(key) {
      const up = [...config.hidden];
      const down = [...config.hidden].reverse();
      const encoder: EncoderParams = {
        conv: stack(channels, (i) =>
          initConv(fold(key, "encoder.conv", i), sizes[i]?.[2] as number, sizes[i + 1]?.[2] as number),
        ),
        hidden: initDenses(fold(key, "encoder"), [product(top) + labelWidth, ...up]),
        posterior: initDense(fold(key, "posterior"), up.at(-1) ?? product(top) + labelWidth, 2 * config.latentDim),
      };
      const decoder: DecoderParams = {
        hidden: initDenses(fold(key, "decoder"), [config.latentDim + labelWidth, ...down]),
        output: initDense(fold(key, "output"), down.at(-1) ?? config.latentDim + labelWidth, product(top)),
        conv: stack(channels, (i) =>
          initDeconv(fold(key, "decoder.conv", i), sizes[i + 1]?.[2] as number, sizes[i]?.[2] as number),
        ),
      };
      return { encoder, decoder } as unknown as { encoder: TensorTree; decoder: TensorTree };
    },

    encode(params, x, label) {
      const { conv, hidden, posterior } = params as unknown as EncoderParams;
      const image = layers(conv).reduce((h, layer) => activation(downsample(layer, h)), x);
      const flat = tf.reshape(image, [x.shape[0] as number, product(top)]);
      const features = layers(hidden).reduce((h, layer) => activation(dense(layer, h)), withLabel(flat, label));
      const [mu, logVar] = tf.split(dense(posterior, features), 2, -1) as [Tensor, Tensor]; // (B, latentDim) each
      return { mu, logVar: clampLogVar(logVar) };
    },

    decode(params, z, label) {
      const { conv, hidden, output } = params as unknown as DecoderParams;
      const features = layers(hidden).reduce((h, layer) => activation(dense(layer, h)), withLabel(z, label));
      const image = tf.reshape(dense(output, features), [z.shape[0] as number, ...top]);
      return layers(conv).reduceRight(
        (h, layer, i) => upsample(layer, activation(h), sizes[i] as readonly number[]),
        image,
      );
    },
  };
}

/** Shapes from the data up: every convolution halves height and width, rounding up. */
function pyramid(shape: readonly number[], channels: readonly number[]): (readonly number[])[] {
  const sizes = [shape];
  for (const width of channels) {
    const [height, breadth] = sizes[sizes.length - 1] as [number, number];
    sizes.push([Math.ceil(height / 2), Math.ceil(breadth / 2), width]);
  }
  return sizes;
}

/** Layers `layer0 …`, one an entry. */
function stack(entries: readonly unknown[], make: (i: number) => Layer): Record<string, Layer> {
  return Object.fromEntries(entries.map((_, i) => [`layer${i}`, make(i)]));
}

/** The layers of a stack in order. A group without layers may be missing: checkpoints hold tensors, not empty records. */
function layers(group: Readonly<Record<string, Layer>> = {}): Layer[] {
  return Object.keys(group).map((_, i) => group[`layer${i}`] as Layer);
}

function initDenses(key: Key, widths: readonly number[]): Record<string, Layer> {
  return stack(widths.slice(1), (i) => initDense(fold(key, i), widths[i] as number, widths[i + 1] as number));
}

function dense({ kernel, bias }: Layer, x: Tensor): Tensor {
  return tf.add(tf.matMul(x, kernel), bias);
}

/** Height and width halve, rounding up. @param x Shape `(B, H, W, C)`. */
function downsample({ kernel, bias }: Layer, x: Tensor): Tensor {
  return tf.add(tf.conv2d(x as Tensor4D, kernel as Tensor4D, 2, "same"), bias);
}

/** The transpose of {@link downsample}: gives exactly the height and width it started from. */
function upsample({ kernel, bias }: Layer, x: Tensor, [height, width, channels]: readonly number[]): Tensor {
  const shape = [x.shape[0], height, width, channels] as [number, number, number, number];
  return tf.add(tf.conv2dTranspose(x as Tensor4D, kernel as Tensor4D, shape, 2, "same"), bias);
}

/** Kernel and bias uniform in ±1/sqrt(fan-in), PyTorch's default, so that results compare. He et al., 2015, with slope sqrt(5). */
function initLayer(key: Key, kernel: readonly number[], outputs: number, fanIn: number): Layer {
  const bound = 1 / Math.sqrt(fanIn);
  return {
    kernel: uniform(fold(key, "kernel"), kernel, -bound, bound),
    bias: uniform(fold(key, "bias"), [outputs], -bound, bound),
  };
}

const initDense = (key: Key, inputs: number, outputs: number) => initLayer(key, [inputs, outputs], outputs, inputs);

const initConv = (key: Key, inputs: number, outputs: number) =>
  initLayer(key, [CONV_SIZE, CONV_SIZE, inputs, outputs], outputs, CONV_SIZE ** 2 * inputs);

/** Every output pixel of a transposed convolution of stride 2 sees a quarter of the kernel. */
const initDeconv = (key: Key, inputs: number, outputs: number) =>
  initLayer(key, [CONV_SIZE, CONV_SIZE, outputs, inputs], outputs, (CONV_SIZE ** 2 / 4) * inputs);

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
