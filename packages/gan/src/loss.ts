import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/*
 * Losses of the two players. A logit is the discriminator's raw output, high for "real"; every loss is a mean over the batch, to be minimised.
 */

/** Discriminator outputs for real and generated data, each of shape `(B,)`. */
export interface Logits {
  readonly real: Tensor;
  readonly fake: Tensor;
}

/** A pair of losses. */
export interface AdversarialLoss {
  /** @returns Scalar that the discriminator minimises. */
  discriminator(logits: Logits): Tensor;
  /** @returns Scalar that the generator minimises. */
  generator(logits: Logits): Tensor;
  /** Whether the generator's loss looks at real data. */
  readonly isRelative: boolean;
  /** The logit that separates real from generated; `undefined` when only differences of logits have a meaning. */
  readonly boundary: number | undefined;
}

const softplusMean = (x: Tensor): Tensor => tf.mean(tf.softplus(x));

/** `-E log D(x) - E log(1 - D(G(z)))` with `D = sigmoid(logit)`. */
const crossEntropy = ({ real, fake }: Logits): Tensor => tf.add(softplusMean(tf.neg(real)), softplusMean(fake));

/**
 * The game as first written: the generator minimises what the discriminator maximises, `E log(1 - D(G(z)))`. Its gradient vanishes where the
 * discriminator is sure. Goodfellow et al., 2014, eq. 1. https://arxiv.org/abs/1406.2661
 */
export const minimax: AdversarialLoss = {
  discriminator: crossEntropy,
  generator: ({ fake }) => tf.neg(softplusMean(fake)),
  isRelative: false,
  boundary: 0,
};

/** The generator maximises `E log D(G(z))` instead: the same fixed point, strong gradients. Goodfellow et al., 2014, §3. https://arxiv.org/abs/1406.2661 */
export const nonSaturating: AdversarialLoss = {
  discriminator: crossEntropy,
  generator: ({ fake }) => softplusMean(tf.neg(fake)),
  isRelative: false,
  boundary: 0,
};

/** Margins of 1 on either side. Lim & Ye, 2017, eq. 5; Miyato et al., 2018, eq. 16 and 17. https://arxiv.org/abs/1802.05957 */
export const hinge: AdversarialLoss = {
  discriminator: ({ real, fake }) =>
    tf.add(tf.mean(tf.relu(tf.sub(1, real))), tf.mean(tf.relu(tf.add(1, fake)))) as Tensor,
  generator: ({ fake }) => tf.neg(tf.mean(fake)),
  isRelative: false,
  boundary: 0,
};

/** Squared distances to the targets 1 (real) and 0 (generated), halved. Mao et al., 2016, eq. 9. https://arxiv.org/abs/1611.04076 */
export const leastSquares: AdversarialLoss = {
  discriminator: ({ real, fake }) => tf.mul(0.5, tf.add(tf.mean(tf.square(tf.sub(real, 1))), tf.mean(tf.square(fake)))),
  generator: ({ fake }) => tf.mul(0.5, tf.mean(tf.square(tf.sub(fake, 1)))),
  isRelative: false,
  boundary: 0.5,
};

/** `E f(G(z)) - E f(x)` for a critic `f` that something else keeps Lipschitz. Arjovsky et al., 2017, eq. 3. https://arxiv.org/abs/1701.07875 */
export const wasserstein: AdversarialLoss = {
  discriminator: ({ real, fake }) => tf.sub(tf.mean(fake), tf.mean(real)),
  generator: ({ fake }) => tf.neg(tf.mean(fake)),
  isRelative: false,
  boundary: undefined,
};

/**
 * Relativistic pairing: is this real datum more real than that generated one? `E softplus(-(real - fake))`, and the reverse for the generator,
 * so that no mode of the data can be left behind unpunished. Jolicoeur-Martineau, 2018, §4; Huang et al., "R3GAN", 2025, eq. 2. https://arxiv.org/abs/2501.05441
 */
export const relativistic: AdversarialLoss = {
  discriminator: ({ real, fake }) => softplusMean(tf.sub(fake, real)),
  generator: ({ real, fake }) => softplusMean(tf.sub(real, fake)),
  isRelative: true,
  boundary: undefined,
};

/** All losses by the name that the configuration knows. */
export const losses = {
  "non-saturating": nonSaturating,
  minimax,
  hinge,
  "least-squares": leastSquares,
  wasserstein,
  relativistic,
} as const satisfies Readonly<Record<string, AdversarialLoss>>;
