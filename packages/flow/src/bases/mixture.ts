import { categorical, fold, mixtureLogProb, normal, normalLogProb } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Base } from "./base.js";

/**
 * A learned mixture of K Gaussians with diagonal covariances: for data in pieces, which no continuous map makes out of a single one.
 * Izmailov et al., "Semi-supervised learning with normalizing flows", 2019, §3. https://arxiv.org/abs/1912.13025
 */
export function mixtureBase(components: number): Base {
  type Params = Readonly<Record<"logits" | "means" | "logSigmas", Tensor>>;
  return {
    name: `mixture of ${components}`,
    init: (key, D) => ({
      logits: tf.zeros([components]),
      means: normal(fold(key, "means"), [components, D]), // begins apart, or all components learn the same
      logSigmas: tf.zeros([components, D]),
    }),
    logProb({ logits, means, logSigmas }: Params, z) {
      const each = normalLogProb(tf.expandDims(z, 1), tf.expandDims(means, 0), tf.expandDims(tf.mul(logSigmas, 2), 0));
      return mixtureLogProb(logits, tf.sum(each, 2)); // (B, K, D) to (B, K) to (B,)
    },
    sample({ logits, means, logSigmas }: Params, key, [n, D], temperature) {
      const drawn = categorical(fold(key, "component"), tf.tile(tf.expandDims(logits, 0), [n, 1]));
      const chosen = tf.oneHot(drawn as tf.Tensor1D, components, 1, 0, "float32"); // (n, K)
      const sigma = tf.mul(tf.exp(tf.matMul(chosen, logSigmas)), temperature);
      return tf.add(tf.matMul(chosen, means), tf.mul(sigma, normal(fold(key, "noise"), [n, D])));
    },
  };
}
