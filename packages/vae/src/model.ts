/*
 * The variational autoencoder.
 *
 *   Kingma & Welling, "Auto-encoding variational Bayes", 2013: §2.2 the bound, §2.4 the reparameterisation trick,
 *   §3 the VAE, appendix B the KL term, appendix C the networks. https://arxiv.org/abs/1312.6114
 *   Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", 2015: the tighter bound, active units. https://arxiv.org/abs/1509.00519
 *   Sohn, Lee, Yan, "Learning structured output representation using deep conditional generative models", 2015: labels.
 *
 * Data x are explained by latents z: z ~ N(0, I), x ~ p(x|z) given by the decoder. The encoder gives q(z|x) = N(mu, sigma^2), and
 *
 *   log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z))            the evidence lower bound (elbo), in nats,
 *
 * is maximised by gradient ascent through z = mu + sigma eps. Sums run over data and latent dimensions, means over the batch.
 */
import {
  type Batch,
  type DatumSpec,
  fold,
  type GenerativeModel,
  type Key,
  type LossContext,
  type LossResult,
  logSumExp,
  type ModelMetric,
  normal,
  normalKlToStandard,
  normalLogProb,
  type Objective,
  parseOptions,
  type TensorTree,
  UserError,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { countActiveUnits } from "./active-units.js";
import { chooseLikelihood } from "./choose-likelihood.js";
import { type VaeConfig, vaeSampleOptions } from "./config.js";
import type { Likelihood, LikelihoodParams } from "./likelihoods.js";
import { freeBitsKl, importanceBound, klWeight, type Posterior, reparameterize } from "./loss.js";
import { createNetwork, type Network } from "./networks.js";
import { ancestralSampling } from "./sampler.js";

/** Parameter groups; `likelihood` only when `p(x|z)` has a learned width. */
export interface VaeParams {
  readonly encoder: TensorTree;
  readonly decoder: TensorTree;
  readonly likelihood?: LikelihoodParams;
}

/** A VAE keeps nothing that gradients do not train. */
export type VaeState = Record<string, never>;

/** What the configuration and the data decide before any tensor exists. */
interface Vae {
  readonly config: VaeConfig;
  readonly likelihood: Likelihood;
  readonly network: Network;
  /** Number of classes when conditional. */
  readonly classes: number | undefined;
}

/** Observed data with what the encoder says of them. */
interface Inference {
  /** Shape `(B, ...datum.shape)`, binarised where the likelihood asks for it. */
  readonly x: Tensor;
  readonly label: Tensor | undefined;
  readonly posterior: Posterior;
}

/**
 * A VAE for the given data.
 *
 * @throws UserError when an option cannot be right for the data or contradicts another.
 */
export function createVae(config: VaeConfig, datum: DatumSpec): GenerativeModel<VaeParams, VaeState> {
  checkObjective(config);
  const classes = conditionalClasses(config, datum);
  const likelihood = chooseLikelihood(config, datum);
  const vae: Vae = { config, likelihood, classes, network: createNetwork(config, datum, classes) };
  return {
    datum,
    conditional: classes !== undefined,
    likelihoodNote: likelihood.note,
    init: (key) => ({ params: initParams(vae, key), state: {} }),
    objectives: [objective(vae)],
    sampling: ({ options }) =>
      ancestralSampling(
        {
          latentDim: config.latentDim,
          likelihood,
          ...(classes === undefined ? {} : { classes }),
          decode: (params, z, label) => vae.network.decode(params.decoder, z, label),
        },
        parseOptions("@latentkit/vae", vaeSampleOptions, options),
      ),
    elbo: (params, _state, batch, key) => tf.sub(...terms(vae, params, batch, key)),
    latent: {
      shape: [config.latentDim],
      encode: (params, _state, batch) => infer(vae, params, batch).posterior.mu,
      decode: (params, _state, z, label) =>
        likelihood.mean(vae.network.decode(params.decoder, z, requireLabel(vae, label))),
    },
    metrics: metrics(vae),
  };
}

function initParams({ likelihood, network }: Vae, key: Key): VaeParams {
  return { ...network.init(fold(key, "vae")), ...(likelihood.init ? { likelihood: likelihood.init() } : {}) };
}

/** `q(z|x)`. Without a key nothing is drawn: dynamically binarised data are represented by their gray values. */
function infer(vae: Vae, params: VaeParams, batch: Batch, key?: Key): Inference {
  const x = vae.likelihood.observe(batch.x, key === undefined ? undefined : fold(key, "x"));
  const label = vae.classes === undefined ? undefined : requireLabel(vae, batch.label);
  return { x, label, posterior: vae.network.encode(params.encoder, vae.likelihood.features(x), label) };
}

/** `log p(x|z)` in nats, shape `(N,)`. */
function logLikelihood(vae: Vae, params: VaeParams, x: Tensor, z: Tensor, label: Tensor | undefined): Tensor {
  return vae.likelihood.logProb(params.likelihood ?? {}, vae.network.decode(params.decoder, z, label), x);
}

/** KL divergence of `q(z|x)` from the prior in nats, shape `(B, latentDim)`. */
const klDivergence = ({ mu, logVar }: Posterior): Tensor => normalKlToStandard(mu, logVar);

/** The two terms of the bound for one draw of z: `log p(x|z)` and the KL divergence, nats, each `(B,)`. */
function terms(vae: Vae, params: VaeParams, batch: Batch, key: Key): [reconstruction: Tensor, kl: Tensor] {
  const { x, label, posterior } = infer(vae, params, batch, key);
  const z = reparameterize(posterior, normal(fold(key, "z"), posterior.mu.shape));
  return [logLikelihood(vae, params, x, z, label), tf.sum(klDivergence(posterior), -1)];
}

function objective(vae: Vae): Objective<VaeParams, VaeState> {
  const trains: (keyof VaeParams)[] = vae.likelihood.init
    ? ["encoder", "decoder", "likelihood"]
    : ["encoder", "decoder"];
  const loss = vae.config.objective === "elbo" ? elboLoss : iwaeLoss;
  return {
    name: vae.config.objective,
    trains,
    loss: (params, _state, batch, context) => loss(vae, params, batch, context),
  };
}

/** Negative elbo, its KL term weighted by `beta` with warm-up and cut by free bits. The metrics are of the plain bound. */
function elboLoss(vae: Vae, params: VaeParams, batch: Batch, { key, step }: LossContext): LossResult<VaeState> {
  const { beta, warmUpSteps, freeBits } = vae.config;
  const { x, label, posterior } = infer(vae, params, batch, key);
  const z = reparameterize(posterior, normal(fold(key, "z"), posterior.mu.shape)); // (B, latentDim)
  const divergence = klDivergence(posterior); // (B, latentDim)
  const reconstruction = tf.neg(tf.mean(logLikelihood(vae, params, x, z, label)));
  const kl = freeBitsKl(divergence, 0);
  const penalty = tf.mul(klWeight(step, beta, warmUpSteps), freeBits > 0 ? freeBitsKl(divergence, freeBits) : kl);
  return {
    loss: tf.add(reconstruction, penalty),
    metrics: { reconstruction, kl, elbo: tf.neg(tf.add(reconstruction, kl)) },
  };
}

/** Negative importance-weighted bound with `importanceSamples` draws; `elbo` in its metrics is the mean log-weight. */
function iwaeLoss(vae: Vae, params: VaeParams, batch: Batch, { key }: LossContext): LossResult<VaeState> {
  const inference = infer(vae, params, batch, key);
  const { logWeights, logLikelihoods } = weigh(vae, params, inference, fold(key, "z"), vae.config.importanceSamples);
  return {
    loss: tf.neg(tf.mean(importanceBound(logWeights))),
    metrics: {
      reconstruction: tf.neg(tf.mean(logLikelihoods)),
      kl: freeBitsKl(klDivergence(inference.posterior), 0),
      elbo: tf.mean(logWeights),
    },
  };
}

/** `log w_i = log p(x|z_i) + log p(z_i) - log q(z_i|x)` of `k` draws, and its first term: nats, each `(k, B)`. */
function weigh(vae: Vae, params: VaeParams, { x, label, posterior }: Inference, key: Key, k: number) {
  const [B, latentDim] = posterior.mu.shape as [number, number];
  const z = reparameterize(posterior, normal(key, [k, B, latentDim]));
  const flat = logLikelihood(vae, params, repeat(x, k), tf.reshape(z, [k * B, latentDim]), label && repeat(label, k));
  const logLikelihoods = tf.reshape(flat, [k, B]);
  const prior = normalLogProb(z, tf.scalar(0), tf.scalar(0)); // (k, B, latentDim)
  const logRatio = tf.sum(tf.sub(prior, normalLogProb(z, posterior.mu, posterior.logVar)), -1);
  const logWeights = tf.add(logLikelihoods, logRatio);
  return { logWeights, logLikelihoods };
}

/** `k` copies one after the other along the first axis, `(B, ...)` to `(k B, ...)`. */
function repeat(x: Tensor, k: number): Tensor {
  return k === 1 ? x : tf.tile(x, [k, ...x.shape.slice(1).map(() => 1)]);
}

/** Decoder outputs of one chunk of importance samples stay below this many values, 16 MB. */
const CHUNK_VALUES = 2 ** 22;

/** Importance-weighted bound on `log p(x)` with `k` draws, in chunks of bounded memory; the sum over all weights is exact. Nats, `(B,)`. */
function logEvidence(vae: Vae, params: VaeParams, batch: Batch, key: Key, k: number): Tensor {
  const inference = infer(vae, params, batch, key);
  const chunk = Math.min(k, Math.max(1, Math.floor(CHUNK_VALUES / inference.x.size)));
  const sums: Tensor[] = [];
  for (let done = 0; done < k; done += chunk) {
    const { logWeights } = weigh(vae, params, inference, fold(key, "z", done), Math.min(chunk, k - done));
    sums.push(logSumExp(logWeights, 0)); // (B,)
  }
  return tf.sub(logSumExp(tf.stack(sums), 0), Math.log(k));
}

function metrics(vae: Vae): Record<string, ModelMetric<VaeParams, VaeState>> {
  const k = vae.config.evaluationSamples;
  return {
    nll: {
      unit: "nats",
      onRequest: true,
      summary: `negative log-likelihood, importance-weighted with ${k} draws an example: an upper bound that is tight for many`,
      perExample: (params, _state, batch, key) => tf.neg(logEvidence(vae, params, batch, key, k)),
    },
    reconstruction: {
      unit: "nats",
      summary: "reconstruction term of the bound, -E[log p(x|z)]",
      perExample: (params, _state, batch, key) => tf.neg(terms(vae, params, batch, key)[0]),
    },
    kl: {
      unit: "nats",
      summary: "KL divergence of q(z|x) from the prior",
      perExample: (params, _state, batch, key) => terms(vae, params, batch, key)[1],
    },
    activeUnits: {
      unit: "dimensions",
      summary: "latent dimensions whose posterior mean varies over the data, variance above 0.01",
      perExample: (params, _state, batch) => infer(vae, params, batch).posterior.mu,
      aggregate: countActiveUnits,
    },
  };
}

function requireLabel({ classes }: Vae, label: Tensor | undefined): Tensor | undefined {
  if (classes === undefined) return undefined;
  if (label !== undefined) return label;
  throw new UserError(
    "@latentkit/vae",
    "label must be given to a model trained with conditional: true, got none; give one a datum",
  );
}

function conditionalClasses({ conditional }: VaeConfig, { classes }: DatumSpec): number | undefined {
  if (!conditional) return undefined;
  if (classes !== undefined) return classes;
  throw new UserError(
    "@latentkit/vae",
    "conditional must be false on data without labels, got true; choose labelled data",
  );
}

/** The importance weights are those of the plain bound: beta, warm-up and free bits have no meaning in them. */
function checkObjective({ objective, beta, warmUpSteps, freeBits }: VaeConfig): void {
  if (objective !== "iwae") return;
  const wrong =
    beta !== 1
      ? `beta must be 1`
      : warmUpSteps > 0
        ? "warmUpSteps must be 0"
        : freeBits > 0
          ? "freeBits must be 0"
          : undefined;
  if (wrong === undefined) return;
  const got = beta !== 1 ? beta : warmUpSteps > 0 ? warmUpSteps : freeBits;
  throw new UserError(
    "@latentkit/vae",
    `${wrong} with objective iwae, got ${got}; set objective to elbo or leave it out`,
  );
}
