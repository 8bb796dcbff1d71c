/*
 * The generative adversarial network.
 *
 *   Goodfellow et al., "Generative adversarial nets", 2014: the game of two networks. https://arxiv.org/abs/1406.2661
 *   Gulrajani et al., 2017 (WGAN-GP), Miyato et al., 2018 (spectral norm, projection), Mescheder et al., 2018 (R1, R2): what keeps it stable.
 *   Huang et al., "The GAN is dead; long live the GAN!", 2024: relativistic pairing with R1 and R2, the default. https://arxiv.org/abs/2501.05441
 *
 * A generator turns noise z ~ N(0, I) into data; a discriminator gives every datum a logit, high for real. On every step the discriminator is
 * updated to tell the batch from as many samples, then the generator to be mistaken for the data: two objectives, each with an optimizer of its own.
 * There is no likelihood; what can be watched are the discriminator's success and the variety of the samples (health.ts).
 */
import {
  type Batch,
  type DatumSpec,
  fold,
  type GenerativeModel,
  type Key,
  type LossContext,
  type LossResult,
  normal,
  type Objective,
  parseOptions,
  UserError,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { addInstanceNoise, augment } from "./augment.js";
import { checkData } from "./check-data.js";
import { type GanConfig, ganSampleOptions } from "./config.js";
import { diagnose, healthMetrics, WATCHED } from "./health.js";
import { type Logits, losses } from "./loss.js";
import type { NetworkInit } from "./networks/network.js";
import { createNetworks } from "./networks.js";
import { annealedGamma, type Critic, leCam, moveAnchors, wganGp, zeroCentredPenalty } from "./penalties.js";
import { decode, discriminatorOf, type Gan, type GanParams, type GanState, generate, requireLabel } from "./players.js";
import { type GanSettings, settle } from "./presets.js";
import { noiseSampling } from "./sampler.js";
import { scaleOf } from "./scale.js";
import { spectralInit } from "./spectral-norm.js";

/**
 * A GAN for the given data.
 *
 * @throws UserError when an option cannot be right for the data or contradicts another.
 */
export function createGan(config: GanConfig, datum: DatumSpec): GenerativeModel<GanParams, GanState> {
  refuseTokens(datum);
  const settings = settle(config, datum);
  const classes = conditionalClasses(settings, datum);
  const networks = createNetworks(settings, datum, classes);
  const gan: Gan = {
    settings,
    classes,
    ...networks,
    loss: losses[settings.game.loss],
    scale: scaleOf(datum, settings.output),
  };
  return {
    datum,
    conditional: settings.conditional,
    training: settings.training,
    checkData,
    init: (key, batch) => init(gan, key, batch),
    objectives: [discriminatorObjective(gan), generatorObjective(gan)],
    sampling: ({ options }) => noiseSampling(gan, parseOptions("@latentkit/gan", ganSampleOptions, options)),
    latent: { shape: [settings.latentDim], decode: (params, state, z, label) => decode(gan, params, state, z, label) },
    metrics: healthMetrics(gan),
    watches: { modes: WATCHED },
    diagnose: (results) => diagnose(settings.game, results),
  };
}

function init({ settings, generator, discriminator, scale }: Gan, key: Key, batch: Batch) {
  const made = generator.init(fold(key, "generator"));
  const params: GanParams = { generator: made.params, discriminator: discriminator.init(fold(key, "discriminator")) };
  const { norm, penalty } = settings.game;
  const data = scale.init(batch.x);
  const state: GanState = {
    ...(Object.keys(made.state).length > 0 ? { generator: made.state } : {}),
    ...(norm === "spectral" ? { spectral: spectralInit(fold(key, "spectral"), params.discriminator) } : {}),
    ...(penalty.name === "lecam" ? { anchors: { real: tf.scalar(0), fake: tf.scalar(0) } } : {}),
    ...(data === undefined ? {} : { data }),
  };
  return { params, state };
}

/** Data and as many samples, after the same random transforms. */
interface Rivals {
  readonly real: Tensor;
  readonly fake: Tensor;
  readonly label: Tensor | undefined;
  readonly generatorState: NetworkInit["state"];
}

/** @param context That of the update: the same key gives the same rivals. */
function rivals(gan: Gan, params: GanParams, state: GanState, batch: Batch, { key, progress }: LossContext): Rivals {
  const label = requireLabel(gan, batch.label); // samples are asked for the batch's own labels
  const z = normal(fold(key, "z"), [batch.x.shape[0] as number, gan.settings.latentDim]);
  const made = generate(gan, params, state, z, { label, training: true });
  const { augment: chosen, noise } = gan.settings;
  const transform = (x: Tensor, side: string) => {
    const noisy = noise === undefined ? x : addInstanceNoise(x, noise, progress, fold(key, "noise", side));
    return augment(noisy, chosen, fold(key, "augment"));
  };
  const real = transform(gan.scale.toNetwork(batch.x, state.data), "real");
  return { real, fake: transform(made.x, "fake"), label, generatorState: made.state };
}

/** Logits of both sides. One call serves both, unless batch norm must not mix them. */
function judge(
  gan: Gan,
  logits: (x: Tensor, label: Tensor | undefined) => Tensor,
  { real, fake, label }: Rivals,
): Logits {
  if (gan.settings.game.norm === "batch") return { real: logits(real, label), fake: logits(fake, label) };
  const both = logits(tf.concat([real, fake]), label && tf.concat([label, label]));
  const [realLogits, fakeLogits] = tf.split(both, 2) as [Tensor, Tensor];
  return { real: realLogits, fake: fakeLogits };
}

function discriminatorObjective(gan: Gan): Objective<GanParams, GanState> {
  const { penalty } = gan.settings.game;
  const loss = (params: GanParams, state: GanState, batch: Batch, context: LossContext) =>
    discriminatorLoss(gan, params, state, batch, context);
  const lazy =
    penalty.name === "none" || penalty.name === "lecam"
      ? {}
      : {
          lazy: {
            every: penalty.every,
            loss: (params: GanParams, state: GanState, batch: Batch, context: LossContext) =>
              gradientPenalty(gan, params, state, batch, context),
          },
        };
  return { name: "discriminator", trains: ["discriminator"], average: false, loss, ...lazy };
}

function discriminatorLoss(
  gan: Gan,
  params: GanParams,
  state: GanState,
  batch: Batch,
  context: LossContext,
): LossResult<GanState> {
  const { penalty } = gan.settings.game;
  const { logits, spectral } = discriminatorOf(gan, params, state, true);
  const judged = judge(gan, logits, rivals(gan, params, state, batch, context));
  const adversarial = gan.loss.discriminator(judged);
  const { anchors } = state;
  const regularizer =
    penalty.name === "lecam" && anchors ? { penalty: leCam(judged, anchors, penalty.weight) } : undefined;
  const next: GanState = {
    ...state,
    ...(spectral ? { spectral } : {}),
    ...(penalty.name === "lecam" && anchors ? { anchors: moveAnchors(anchors, judged, penalty.decay) } : {}),
  };
  return {
    loss: regularizer ? tf.add(adversarial, regularizer.penalty) : adversarial,
    state: next,
    metrics: { realLogits: tf.mean(judged.real), fakeLogits: tf.mean(judged.fake), ...regularizer },
  };
}

/** The penalty on the discriminator's gradient with respect to data, at the rivals of the same update. */
function gradientPenalty(gan: Gan, params: GanParams, state: GanState, batch: Batch, context: LossContext) {
  const { penalty } = gan.settings.game;
  const { logits } = discriminatorOf(gan, params, state, true);
  const { real, fake, label } = rivals(gan, params, state, batch, context);
  const critic: Critic = (x) => logits(x, label);
  const both: Critic = (x) => logits(x, label && tf.concat([label, label]));
  const value = (): Tensor => {
    switch (penalty.name) {
      case "wgan-gp":
        return wganGp(critic, real, fake, fold(context.key, "between"), penalty.weight);
      case "r1":
        return zeroCentredPenalty(critic, real, annealedGamma(penalty, context.progress));
      case "r2":
        return zeroCentredPenalty(critic, fake, annealedGamma(penalty, context.progress));
      case "r1r2": // the mean over both halves, twice, is their sum
        return tf.mul(2, zeroCentredPenalty(both, tf.concat([real, fake]), annealedGamma(penalty, context.progress)));
      default:
        throw new Error(`penalty ${penalty.name} has no gradient`);
    }
  };
  const loss = value();
  return { loss, metrics: { penalty: loss } };
}

function generatorObjective(gan: Gan): Objective<GanParams, GanState> {
  return {
    name: "generator",
    trains: ["generator"],
    every: gan.settings.criticSteps,
    loss(params, state, batch, context) {
      const { logits } = discriminatorOf(gan, params, state, false);
      const both = rivals(gan, params, state, batch, context);
      const judged = gan.loss.isRelative
        ? judge(gan, logits, both)
        : { real: tf.zeros([both.fake.shape[0] as number]), fake: logits(both.fake, both.label) };
      return {
        loss: gan.loss.generator(judged),
        ...(state.generator ? { state: { ...state, generator: both.generatorState } } : {}),
      };
    },
  };
}

function conditionalClasses({ conditional }: GanSettings, { classes }: DatumSpec): number | undefined {
  if (!conditional) return undefined;
  if (classes !== undefined) return classes;
  throw new UserError(
    "@latentkit/gan",
    "conditional must be false on data without labels, got true; choose labelled data",
  );
}

function refuseTokens({ kind }: DatumSpec): void {
  if (kind !== "tokens" && kind !== "pairs") return;
  throw new UserError(
    "@latentkit/gan",
    `data must be numbers, got ${kind}: no gradient reaches a generator through discrete tokens; train an autoregressive model`,
  );
}
