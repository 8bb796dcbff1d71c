import {
  clampLogVar,
  type DatumSpec,
  fold,
  gelu,
  type Key,
  nn,
  silu,
  type TensorTree,
  UserError,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
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

/** Either half. */
interface HalfParams {
  /** `layer0` is the one next to the data; absent for mlp. */
  readonly conv?: Readonly<Record<string, nn.KernelParams>>;
  /** The encoder's last layer gives `mu` and `logVar` side by side. */
  readonly dense: nn.MlpParams;
}

const KERNEL_SIZE = 4; // a multiple of the stride, so that transposed convolutions cover every pixel evenly
const STRIDE = 2;

/** PyTorch's initial values of kernels and biases, so that results compare with the many made there. */
const denseInit = { kernelInit: nn.torchUniform, biasInit: nn.torchUniform };

/** In a transposed convolution only one in `STRIDE^2` of the kernel's elements reaches an output pixel. */
const transposed: nn.Initializer = (key, shape, fans) =>
  nn.torchUniform(key, shape, { ...fans, in: fans.in / STRIDE ** 2 });

/**
 * The network that `auto` stands for: conv for colour images and images above 28x28, mlp for all other data.
 *
 * @throws UserError when conv is asked for data that are no images.
 */
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
 * @throws UserError when conv is asked for data that are no images.
 */
export function createNetwork(config: VaeConfig, datum: DatumSpec, classes: number | undefined): Network {
  const { hidden, latentDim } = config;
  const channels = chooseNetwork(config.network, datum) === "conv" ? config.channels : [];
  const sizes = pyramid(datum.shape, channels); // (H, W, C) before and after every convolution
  const top = sizes[sizes.length - 1] as readonly number[];
  const labelWidth = classes ?? 0;
  const activation = { relu: tf.relu, tanh: tf.tanh, silu, gelu }[config.activation] as (x: Tensor) => Tensor;
  const withLabel = (x: Tensor, label?: Tensor) =>
    classes === undefined ? x : tf.concat([x, tf.oneHot(label as Tensor, classes, 1, 0, "float32")], -1);

  return {
    init(key) {
      const up = [product(top) + labelWidth, ...hidden, 2 * latentDim];
      const down = [latentDim + labelWidth, ...[...hidden].reverse(), product(top)];
      return {
        encoder: { ...downInit(fold(key, "down"), sizes), dense: nn.mlpInit(fold(key, "encoder"), up, denseInit) },
        decoder: { dense: nn.mlpInit(fold(key, "decoder"), down, denseInit), ...upInit(fold(key, "up"), sizes) },
      };
    },

    encode(params, x, label) {
      const { conv, dense } = params as unknown as HalfParams;
      let image = x;
      for (const i of channels.keys()) {
        image = activation(nn.conv2d(conv?.[`layer${i}`] as nn.KernelParams, image, { stride: STRIDE }));
      }
      const flat = tf.reshape(image, [x.shape[0] as number, product(top)]);
      const [mu, logVar] = tf.split(nn.mlp(dense, withLabel(flat, label), activation), 2, -1) as [Tensor, Tensor];
      return { mu, logVar: clampLogVar(logVar) }; // (B, latentDim) each
    },

    decode(params, z, label) {
      const { conv, dense } = params as unknown as HalfParams;
      let image = tf.reshape(nn.mlp(dense, withLabel(z, label), activation), [z.shape[0] as number, ...top]);
      for (const i of [...channels.keys()].reverse()) {
        const outputSize = sizes[i]?.slice(0, 2) as [number, number]; // exact, whatever the parity
        const layer = conv?.[`layer${i}`] as nn.KernelParams;
        image = nn.convTranspose2d(layer, activation(image), { stride: STRIDE, outputSize });
      }
      return image;
    },
  };
}

/** Shapes from the data up: every convolution divides height and width by the stride, rounding up. */
function pyramid(shape: readonly number[], channels: readonly number[]): (readonly number[])[] {
  const sizes = [shape];
  for (const width of channels) {
    const [height, breadth] = sizes[sizes.length - 1] as [number, number];
    sizes.push([Math.ceil(height / STRIDE), Math.ceil(breadth / STRIDE), width]);
  }
  return sizes;
}

/** Convolutions from the data to the top. */
function downInit(key: Key, sizes: readonly (readonly number[])[]): Pick<HalfParams, "conv"> {
  return convInit(sizes, (i, below, above) => nn.conv2dInit(fold(key, i), below, above, KERNEL_SIZE, denseInit));
}

/** Transposed convolutions from the top to the data, numbered like their counterparts. */
function upInit(key: Key, sizes: readonly (readonly number[])[]): Pick<HalfParams, "conv"> {
  const options = { kernelInit: transposed, biasInit: transposed };
  return convInit(sizes, (i, below, above) => nn.convTranspose2dInit(fold(key, i), above, below, KERNEL_SIZE, options));
}

function convInit(
  sizes: readonly (readonly number[])[],
  make: (i: number, below: number, above: number) => nn.KernelParams,
): Pick<HalfParams, "conv"> {
  const above = sizes.slice(1);
  if (above.length === 0) return {};
  const layers = above.map((size, i) => [`layer${i}`, make(i, sizes[i]?.[2] as number, size[2] as number)] as const);
  return { conv: Object.fromEntries(layers) };
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
