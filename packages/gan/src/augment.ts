import { fold, type Key, normal, randomInteger, uniform } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/*
 * Differentiable augmentation: data and samples pass the same random transforms before the discriminator sees them, in both updates, so that it
 * cannot learn few images by heart, and the generator does not learn the transforms.
 * Zhao, Liu, Lin, Zhu, Han, "Differentiable augmentation for data-efficient GAN training", 2020, §3.2. https://arxiv.org/abs/2006.10738
 */

/** Names of the transforms, in the order in which they are applied. */
export const AUGMENTATIONS = ["color", "translation", "cutout"] as const;
export type Augmentation = (typeof AUGMENTATIONS)[number];

type Transform = (x: Tensor, key: Key) => Tensor;

const batchOf = (x: Tensor): number => x.shape[0] as number;
const perExample = (key: Key, x: Tensor, low: number, high: number) => uniform(key, [batchOf(x), 1, 1, 1], low, high);

/** Brightness shifted by up to half the range's half, then saturation times [0, 2], then contrast times [0.5, 1.5]. */
const color: Transform = (x, key) => {
  const bright = tf.add(x, perExample(fold(key, "brightness"), x, -0.5, 0.5));
  const stretch = (y: Tensor, axes: number[], factor: Tensor) => {
    const centre = tf.mean(y, axes, true);
    return tf.add(centre, tf.mul(tf.sub(y, centre), factor));
  };
  const grey = x.shape[3] === 1;
  const saturated = grey ? bright : stretch(bright, [3], perExample(fold(key, "saturation"), x, 0, 2));
  return stretch(saturated, [1, 2, 3], perExample(fold(key, "contrast"), x, 0.5, 1.5));
};

/** `(B, size, size)`: row `i` of a matrix picks element `i + shift`, nothing outside. */
function shifts(key: Key, batch: number, size: number): Tensor {
  const most = Math.round(size / 8);
  const shift = tf.reshape(randomInteger(key, [batch], -most, most + 1), [batch, 1, 1]);
  const rows = tf.reshape(tf.range(0, size, 1, "int32"), [1, size, 1]);
  const columns = tf.reshape(tf.range(0, size, 1, "int32"), [1, 1, size]);
  return tf.cast(tf.equal(tf.add(rows, shift), columns), "float32");
}

/** Moved by up to an eighth of height and width; what comes in is 0, mid-range. As matrix products, which can be differentiated. */
const translation: Transform = (x, key) => {
  const [B, H, W, C] = x.shape as [number, number, number, number];
  const down = tf.matMul(shifts(fold(key, "down"), B, H), tf.reshape(x, [B, H, W * C])); // (B, H, W C)
  const turned = tf.transpose(tf.reshape(down, [B, H, W, C]), [0, 2, 1, 3]); // (B, W, H, C)
  const across = tf.matMul(shifts(fold(key, "across"), B, W), tf.reshape(turned, [B, W, H * C]));
  return tf.transpose(tf.reshape(across, [B, W, H, C]), [0, 2, 1, 3]);
};

/** 1 inside a window of half the length whose middle lies anywhere, `(B, size)`. */
function window(key: Key, batch: number, size: number): Tensor {
  const middle = randomInteger(key, [batch, 1], 0, size + 1);
  const distance = tf.abs(tf.sub(tf.reshape(tf.range(0, size, 1, "int32"), [1, size]), middle));
  return tf.cast(tf.less(distance, tf.scalar(Math.max(1, Math.floor(size / 4)), "int32")), "float32");
}

/** A rectangle of half the height and width set to 0. */
const cutout: Transform = (x, key) => {
  const [B, H, W] = x.shape as [number, number, number];
  const rows = tf.reshape(window(fold(key, "rows"), B, H), [B, H, 1, 1]);
  const columns = tf.reshape(window(fold(key, "columns"), B, W), [B, 1, W, 1]);
  return tf.mul(x, tf.sub(1, tf.mul(rows, columns)));
};

const TRANSFORMS: Readonly<Record<Augmentation, Transform>> = { color, translation, cutout };

/**
 * Images after the chosen transforms. The same key gives example `i` the same transforms: call it with one key for data and samples.
 *
 * @param x Shape `(B, H, W, C)`, values around [-1, 1].
 */
export function augment(x: Tensor, chosen: readonly Augmentation[], key: Key): Tensor {
  return AUGMENTATIONS.filter((name) => chosen.includes(name)).reduce(
    (image, name) => TRANSFORMS[name](image, fold(key, name)),
    x,
  );
}

/** Noise that falls from one standard deviation to another by the same factor a step, and ends there. */
export interface InstanceNoise {
  readonly from: number;
  readonly to: number;
  /** Share of the run until the noise ends, in (0, 1]. */
  readonly share: number;
}

/**
 * Data or samples with Gaussian noise: two distributions that do not overlap then do, and agree on coarse structure before they agree on fine one.
 * Sønderby et al., "Amortised MAP inference for image super-resolution", 2016, §3.3.1. https://arxiv.org/abs/1610.04490
 *
 * @param progress Share of the run that is over, scalar. @param key One of its own for data and for samples: it is their distributions that are blurred alike.
 */
export function addInstanceNoise(x: Tensor, { from, to, share }: InstanceNoise, progress: Tensor, key: Key): Tensor {
  const done = tf.div(progress, share);
  const deviation = tf.mul(from, tf.exp(tf.mul(done, Math.log(to / from))));
  const present = tf.cast(tf.less(done, 1), "float32");
  return tf.add(x, tf.mul(normal(key, x.shape), tf.mul(deviation, present)));
}
