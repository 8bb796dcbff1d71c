import { type DatumSpec, fold, type Key, nn, type TensorTree } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { denseInit, oneHot } from "./layers.js";
import { dcganBody, dcganGenerator } from "./networks/dcgan.js";
import { denseLayers, denseLayersInit } from "./networks/dense.js";
import { mlpBody, mlpGenerator } from "./networks/mlp.js";
import type { Body, Generator, NetworkOptions } from "./networks/network.js";
import { resnetBody, resnetGenerator } from "./networks/resnet.js";
import type { GanSettings } from "./presets.js";

/** From data to one logit. */
export interface Discriminator {
  init(key: Key): TensorTree;
  /** @param x Shape `(B, ...shape)`. @param label Shape `(B,)` int32 when conditional. @returns Shape `(B,)`. */
  apply(params: TensorTree, x: Tensor, label: Tensor | undefined): Tensor;
}

const GENERATORS = { mlp: mlpGenerator, dcgan: withDense(dcganGenerator), resnet: withDense(resnetGenerator) };
const BODIES = { mlp: mlpBody, dcgan: withDenseEnd(dcganBody), resnet: withDenseEnd(resnetBody) };

/** Both networks of a GAN. @throws UserError when the image cannot be halved. */
export function createNetworks(
  settings: GanSettings,
  { shape }: DatumSpec,
  classes: number | undefined,
): { generator: Generator; discriminator: Discriminator } {
  const discriminatorNorm = settings.game.norm === "batch" ? "batch" : "none";
  const options: NetworkOptions = { ...settings, shape, classes, discriminatorNorm };
  return {
    generator: withCodes((inner) => withLabel(GENERATORS[settings.network], inner), options),
    discriminator: withHead(BODIES[settings.network](options), classes),
  };
}

/** Hidden layers between the noise and a convolutional generator; the generator itself when there are none. */
function withDense(make: (options: NetworkOptions) => Generator): (options: NetworkOptions) => Generator {
  return (options) => {
    const { hidden, latentDim, generatorNorm, classes } = options;
    if (hidden.length === 0) return make(options);
    const inner = make({ ...options, latentDim: hidden[hidden.length - 1] as number });
    const dense = { sizes: [latentDim, ...hidden], norm: { kind: generatorNorm, classes } };
    return {
      init(key) {
        const [first, rest] = [denseLayersInit(fold(key, "dense"), dense), inner.init(key)];
        const state = generatorNorm === "none" ? {} : { dense: first.state, image: rest.state };
        return { params: { dense: first.params, image: rest.params }, state };
      },
      apply(params, state, z, context) {
        const { dense: layers, image } = params as unknown as { dense: TensorTree; image: TensorTree };
        const { h, state: denseState } = denseLayers(layers, (state.dense ?? {}) as never, z, context);
        const made = inner.apply(image, (state.image ?? {}) as never, h, context);
        return { x: made.x, state: { dense: denseState, image: made.state } };
      },
    };
  };
}

/** The same layers in reverse between a discriminator's features and its logit. */
function withDenseEnd(make: (options: NetworkOptions) => Body): (options: NetworkOptions) => Body {
  return (options) => {
    const inner = make(options);
    const widths = [...options.hidden].reverse();
    if (widths.length === 0) return inner;
    const dense = { sizes: [inner.features, ...widths], norm: { kind: options.discriminatorNorm } };
    return {
      features: widths[widths.length - 1] as number,
      init: (key) => ({ image: inner.init(key), dense: denseLayersInit(fold(key, "dense"), dense).params }),
      apply(params, x) {
        const { dense: layers, image } = params as unknown as { dense: TensorTree; image: TensorTree };
        return denseLayers(layers, {}, inner.apply(image, x), { training: true }).h;
      },
    };
  };
}

/**
 * The largest of the first `codes` noise values as a one-hot vector of variance 1 beside the noise. A continuous generator turns noise between the parts of
 * disconnected data into what lies between them; a choice among codes, all equally likely, has nothing between. Gurumurthy, Sarvadevabhatla, Babu, "DeLiGAN",
 * 2017, §3 (https://arxiv.org/abs/1706.02071); Khayatkhoei, Singh, Elgammal, "Disconnected manifold learning", 2018, §2. https://arxiv.org/abs/1806.00880
 */
function withCodes(make: (options: NetworkOptions) => Generator, options: NetworkOptions): Generator {
  const { codes, latentDim } = options;
  if (codes === 0) return make(options);
  const inner = make({ ...options, latentDim: latentDim + codes });
  return {
    init: inner.init,
    apply(params, state, z, context) {
      const candidates = tf.slice(z, [0, 0], [-1, codes]); // (B, codes)
      const code = tf.cast(tf.equal(candidates, tf.max(candidates, 1, true)), "float32");
      return inner.apply(params, state, tf.concat([z, tf.mul(code, Math.sqrt(codes))], 1), context);
    },
  };
}

/** Labels reach a generator through its norms, or beside the noise when it has none. */
function withLabel(make: (options: NetworkOptions) => Generator, options: NetworkOptions): Generator {
  const { classes, generatorNorm, latentDim } = options;
  if (classes === undefined || generatorNorm !== "none") return make(options);
  const inner = make({ ...options, latentDim: latentDim + classes });
  return {
    init: inner.init,
    apply: (params, state, z, context) =>
      inner.apply(params, state, tf.concat([z, oneHot(context.label as Tensor, classes)], 1), context),
  };
}

/**
 * A linear logit of the features; with classes plus the product of the features with a vector of the class.
 * Miyato & Koyama, "cGANs with projection discriminator", 2018, eq. 5. https://arxiv.org/abs/1802.05637
 */
function withHead(body: Body, classes: number | undefined): Discriminator {
  return {
    init: (key) => ({
      body: body.init(fold(key, "body")),
      head: denseInit(fold(key, "head"), body.features, 1),
      ...(classes === undefined
        ? {}
        : { projection: nn.linearInit(fold(key, "projection"), classes, body.features, { bias: false }) }),
    }),
    apply(params, x, label) {
      const {
        body: inner,
        head,
        projection,
      } = params as unknown as {
        body: TensorTree;
        head: nn.KernelParams;
        projection?: nn.KernelParams;
      };
      const features = body.apply(inner, x); // (B, features)
      const logit = tf.reshape(nn.linear(head, features), [x.shape[0] as number]);
      if (projection === undefined || classes === undefined) return logit;
      const vectors = nn.linear(projection, oneHot(label as Tensor, classes)); // (B, features)
      return tf.add(logit, tf.sum(tf.mul(vectors, features), 1));
    },
  };
}
