import { type Key, stopGradient, UserError, uniform } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Logits } from "./loss.js";

/** From data `(B, ...)` to logits `(B,)`, every one of its own datum alone. */
export type Critic = (x: Tensor) => Tensor;

/**
 * `||grad_x D(x)||^2` of every datum: sums over all its values. Differentiable once more.
 *
 * @returns Shape `(B,)`.
 * @throws UserError when the critic holds a layer that cannot be differentiated twice.
 */
export function squaredGradientNorms(critic: Critic, x: Tensor): Tensor {
  const gradient = withReason(() => tf.grad((input: Tensor) => tf.sum(critic(input)))(x));
  return tf.sum(tf.reshape(tf.square(gradient), [x.shape[0] as number, -1]), 1);
}

/** tfjs says `gradient function not found for Foo` of a kernel that has none. */
function withReason<T>(f: () => T): T {
  try {
    return f();
  } catch (error) {
    const kernel = /gradient function not found for (\w+)/.exec((error as Error).message)?.[1];
    if (kernel === undefined) throw error;
    throw new UserError(
      "@latentkit/gan",
      `penalty needs derivatives of the discriminator's gradient, and its kernel ${kernel} has none; use another layer, or penalty "none" or "lecam"`,
    );
  }
}

/** Added below the root, or its gradient is not finite where the critic is flat. */
const EPSILON = 1e-4;

/**
 * `weight E (||grad D(xh)|| - 1)^2` at points between data and samples, `xh = a x + (1 - a) G(z)`, one `a` uniform in [0, 1) a pair.
 * Gulrajani et al., 2017, eq. 3. https://arxiv.org/abs/1704.00028
 *
 * @param real Shape `(B, ...)`. @param fake The same shape. @returns Scalar.
 */
export function wganGp(critic: Critic, real: Tensor, fake: Tensor, key: Key, weight = 10): Tensor {
  const a = uniform(key, [real.shape[0] as number, ...real.shape.slice(1).map(() => 1)]);
  const between = tf.add(tf.mul(a, real), tf.mul(tf.sub(1, a), fake));
  const norms = tf.sqrt(tf.add(squaredGradientNorms(critic, between), EPSILON)); // (B,)
  return tf.mul(weight, tf.mean(tf.square(tf.sub(norms, 1))));
}

/**
 * `gamma / 2 E ||grad D(x)||^2` on real data (R1), or on generated ones (R2). Mescheder et al., 2018, eq. 9 and 10. https://arxiv.org/abs/1801.04406
 *
 * @param x Shape `(B, ...)`. @returns Scalar.
 */
export function zeroCentredPenalty(critic: Critic, x: Tensor, gamma: Tensor | number): Tensor {
  return tf.mul(tf.mul(gamma, 0.5), tf.mean(squaredGradientNorms(critic, x)));
}

/** What {@link annealedGamma} needs: `gamma`, and where it goes. */
export interface GammaSchedule {
  readonly gamma: number;
  readonly finalGamma?: number | undefined;
  readonly share?: number | undefined;
}

/**
 * `gamma` falling to `finalGamma` by the same factor on every step of a share of the run: smooth first, so that no mode is lost, then sharp.
 * Huang et al., 2024, appendix on hyperparameters: R3GAN anneals gamma tenfold. https://arxiv.org/abs/2501.05441
 *
 * @param progress Share of the run that is over, scalar. @returns Scalar.
 */
export function annealedGamma({ gamma, finalGamma, share = 1 }: GammaSchedule, progress: Tensor): Tensor | number {
  if (finalGamma === undefined) return gamma;
  const done = tf.minimum(tf.div(progress, share), 1);
  return tf.mul(gamma, tf.exp(tf.mul(done, Math.log(finalGamma / gamma))));
}

/** Moving averages of the logits of real and generated data, scalars: model state. */
export interface LogitAnchors {
  readonly real: Tensor;
  readonly fake: Tensor;
}

/** The anchors of the next step. No gradient flows into them. */
export function moveAnchors(anchors: LogitAnchors, { real, fake }: Logits, decay: number): LogitAnchors {
  const blend = (old: Tensor, logits: Tensor) =>
    tf.add(tf.mul(old, decay), tf.mul(stopGradient(tf.mean(logits)), 1 - decay));
  return { real: blend(anchors.real, real), fake: blend(anchors.fake, fake) };
}

/**
 * `weight (E relu(l_real - a_fake)^2 + E relu(a_real - l_fake)^2)`: logits far on their own side of the other side's average cost; for few data.
 * Needs no second derivative. Tseng et al., 2021, eq. 3, in the one-sided form of StudioGAN. https://arxiv.org/abs/2104.03310
 *
 * @returns Scalar.
 */
export function leCam({ real, fake }: Logits, anchors: LogitAnchors, weight: number): Tensor {
  const squared = (x: Tensor) => tf.mean(tf.square(tf.relu(x)));
  return tf.mul(weight, tf.add(squared(tf.sub(real, anchors.fake)), squared(tf.sub(anchors.real, fake))));
}
