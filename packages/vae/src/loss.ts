import { logMeanExp } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

/** Mean and log-variance of a diagonal Gaussian `q(z|x)`, each of shape `(B, latentDim)`. */
export interface Posterior {
  readonly mu: Tensor;
  readonly logVar: Tensor;
}

/**
 * `z = mu + sigma * eps`: the draw as a differentiable function of `mu` and `sigma`.
 * Kingma & Welling, 2013, §2.4. https://arxiv.org/abs/1312.6114
 *
 * @param eps Standard normal, shape `(B, latentDim)` or `(k, B, latentDim)`. @returns Shape of `eps`.
 */
export function reparameterize({ mu, logVar }: Posterior, eps: Tensor): Tensor {
  return tf.add(mu, tf.mul(tf.exp(tf.mul(logVar, 0.5)), eps));
}

/**
 * KL term of a batch, with `lambda` nats free in every latent dimension: `sum_j max(lambda, mean_batch KL_j)`.
 * Kingma et al., "Improved variational inference with inverse autoregressive flow", 2016, free bits. https://arxiv.org/abs/1606.04934
 *
 * @param kl Nats, shape `(B, latentDim)`. @returns Nats, scalar; the plain mean of the sums when `lambda` is 0.
 */
export function freeBitsKl(kl: Tensor, lambda: number): Tensor {
  const perDimension = tf.mean(kl, 0); // (latentDim,)
  return tf.sum(lambda > 0 ? tf.maximum(perDimension, lambda) : perDimension);
}

/**
 * Weight of the KL term: `beta * min(1, step / warmUpSteps)`, and `beta` without warm-up.
 * Bowman et al., 2015, §3.1 (annealing) https://arxiv.org/abs/1511.06349; Higgins et al., "beta-VAE", 2017.
 *
 * @param step Update number from 0, int32 scalar. @returns float32 scalar.
 */
export function klWeight(step: Tensor, beta: number, warmUpSteps: number): Tensor {
  if (warmUpSteps === 0) return tf.scalar(beta);
  return tf.mul(tf.minimum(tf.div(tf.cast(step, "float32"), warmUpSteps), 1), beta);
}

/**
 * Importance-weighted bound `log (1/k) sum_i w_i`; non-decreasing in `k`, the evidence lower bound at `k = 1`.
 * Burda, Grosse, Salakhutdinov, 2015, §3. https://arxiv.org/abs/1509.00519
 *
 * @param logWeights `log p(x, z_i) - log q(z_i | x)` in nats, shape `(k, B)`. @returns Nats, shape `(B,)`.
 */
export function importanceBound(logWeights: Tensor): Tensor {
  return logMeanExp(logWeights, 0);
}
