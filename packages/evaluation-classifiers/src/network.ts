/**
 * The classifier: five convolutions that halve a 28x28 image to 4x4, one dense layer whose activations are the features, one that gives the
 * logits. In the manner of LeNet-5 (LeCun et al., 1998, §II, http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf), with strides for pooling.
 */
import { fold, type Key, nn } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** Layers by name: `conv0` … `conv4`, `features`, `logits`. */
export type CnnParams = Readonly<Record<string, nn.KernelParams>>;

/** Width of the feature layer. */
export const FEATURES = 64;
/** Both data sets have ten classes. */
export const CLASSES = 10;

const CONVOLUTIONS = [
  { inputs: 1, outputs: 32, size: 5, stride: 2 }, // 28 -> 14
  { inputs: 32, outputs: 32, size: 3, stride: 1 },
  { inputs: 32, outputs: 64, size: 3, stride: 2 }, // 14 -> 7
  { inputs: 64, outputs: 64, size: 3, stride: 1 },
  { inputs: 64, outputs: 64, size: 3, stride: 2 }, // 7 -> 4
] as const;
const FLAT = 4 * 4 * 64;

/** First parameters: 169,258 numbers. */
export function cnnInit(key: Key): CnnParams {
  const relu = { kernelInit: nn.heNormal };
  const convolutions = CONVOLUTIONS.map(
    ({ inputs, outputs, size }, i) => [`conv${i}`, nn.conv2dInit(fold(key, i), inputs, outputs, size, relu)] as const,
  );
  return {
    ...Object.fromEntries(convolutions),
    features: nn.linearInit(fold(key, "features"), FLAT, FEATURES, relu),
    logits: nn.linearInit(fold(key, "logits"), FEATURES, CLASSES),
  };
}

/**
 * Features and logits of images.
 *
 * @param x Shape `(B, 28, 28, 1)`, values in `[0, 1]`.
 * @param key For dropout on the features while training; absent afterwards.
 * @returns `features`, shape `(B, 64)`, not negative; `logits`, shape `(B, 10)`.
 */
export function cnn(params: CnnParams, x: Tensor, key?: Key): { features: Tensor; logits: Tensor } {
  const layer = (name: string) => params[name] as nn.KernelParams;
  let h = x;
  for (const [i, { stride }] of CONVOLUTIONS.entries()) h = tf.relu(nn.conv2d(layer(`conv${i}`), h, { stride }));
  const features = tf.relu(nn.linear(layer("features"), tf.reshape(h, [x.shape[0] as number, FLAT])));
  return { features, logits: nn.linear(layer("logits"), nn.dropout(key, features, DROPOUT)) };
}

const DROPOUT = 0.2; // as mild as the augmentation: both data sets are larger than this network can remember
