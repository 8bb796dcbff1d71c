/*
 * Diffusion models and flow matching.
 *
 *   Sohl-Dickstein et al., "Deep unsupervised learning using nonequilibrium thermodynamics", 2015. https://arxiv.org/abs/1503.03585
 *   Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, §3. https://arxiv.org/abs/2006.11239
 *   Karras, Aittala, Aila, Laine, "Elucidating the design space of diffusion-based generative models", 2022. https://arxiv.org/abs/2206.00364
 *   Lipman et al., "Flow matching for generative modeling", 2022. https://arxiv.org/abs/2210.02747
 *
 * Data x0 are mixed with noise, x = alpha x0 + sigma eps, and a network learns to tell from x what was mixed:
 *
 *   L = E w(level) || y - network(x, level) ||^2,        y = p x0 + q eps,
 *
 * where a process says which levels (alpha, sigma) there are (`process/`), a target what y is (`process/target.ts`), and a weight how much a level
 * counts. Whatever y is, it says what the data would be, D(x, level), and that is all a sampler asks for (`samplers/`, `sampling.ts`).
 */
import {
  type Batch,
  bernoulli,
  type DatumSpec,
  fold,
  type GenerativeModel,
  type Key,
  normal,
  type Objective,
  parseOptions,
  UserError,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { boundOf, likelihoodNote } from "./bound.js";
import { type DiffusionConfig, diffusionSampleOptions } from "./config.js";
import { type Diffusion, type DiffusionParams, predict } from "./denoiser.js";
import { inversion } from "./inversion.js";
import { flowLikelihood } from "./likelihood.js";
import { createNetwork } from "./networks/index.js";
import { processOf, settingsOf, trainingOf } from "./presets.js";
import { mix, spread } from "./process/level.js";
import { targetOf } from "./process/target.js";
import { targetWeight } from "./process/weights.js";
import { diffusionSampling, sampleInputs } from "./sampling.js";
import { type DataState, scaleOf } from "./scale.js";

/** Numbers of steps to look at: too few, the usual ones, and more than most samplers need. */
const LADDER = [5, 10, 20, 50];

/**
 * A diffusion model for the given data.
 *
 * @throws UserError when an option cannot be right for the data.
 */
export function createDiffusion(
  config: DiffusionConfig,
  datum: DatumSpec,
): GenerativeModel<DiffusionParams, DataState> {
  return modelOf(wireDiffusion(config, datum));
}

/** The parts of a diffusion model. @throws UserError when an option cannot be right for the data. */
export function wireDiffusion(config: DiffusionConfig, datum: DatumSpec): Diffusion {
  const settings = settingsOf(config);
  const scale = scaleOf(datum);
  const classes = conditionalClasses(config, datum);
  const network = createNetwork(config, {
    shape: datum.shape,
    classes: classes === undefined ? undefined : classes + 1,
  });
  return { config, settings, datum, process: processOf(settings, config), scale, network, classes };
}

/** The model of its parts; any network may stand among them. */
export function modelOf(diffusion: Diffusion): GenerativeModel<DiffusionParams, DataState> {
  const { datum, classes, scale, network } = diffusion;
  return {
    datum,
    conditional: classes !== undefined,
    likelihoodNote: likelihoodNote(diffusion),
    init: (key, batch) => ({ params: { network: network.init(fold(key, "network")) }, state: scale.measure(batch) }),
    objectives: [objective(diffusion)],
    training: trainingOf(datum.shape),
    sampleInputs: sampleInputs(datum),
    ladder: { option: "steps", values: LADDER.filter((steps) => steps <= mostSteps(diffusion)) },
    sampling({ options, inputs = {} }) {
      const checked = parseOptions("@latentkit/diffusion", diffusionSampleOptions, options);
      return diffusionSampling(diffusion, checked, Object.keys(inputs));
    },
    elbo: boundOf(diffusion),
    scanLatent: inversion(diffusion),
    scanMetrics: { flowLogProb: flowLikelihood(diffusion) },
  };
}

/** Time-steps to choose from; any number on a continuous process. */
const mostSteps = ({ settings }: Diffusion): number =>
  settings.process === "vp" ? settings.timesteps : Number.POSITIVE_INFINITY;

/** The weighted squared error of the prediction, mean over examples and values. */
function objective(diffusion: Diffusion): Objective<DiffusionParams, DataState> {
  const { process, settings, scale, config } = diffusion;
  return {
    name: "denoising",
    trains: ["network"],
    loss(params, state, batch, { key }) {
      const { sigmaData } = state;
      const x0 = scale.scale(state, batch.x);
      const eps = normal(fold(key, "noise"), x0.shape);
      const levels = process.draw(fold(key, "levels"), x0.shape[0] as number);
      const label = hideSome(diffusion, fold(key, "labels"), batch);
      const y = targetOf(settings.target, { x0, eps }, levels, sigmaData);
      const predicted = predict(diffusion, params, sigmaData, {
        x: mix(levels, x0, eps),
        levels,
        label,
        key: fold(key, "dropout"),
      });
      const weight = targetWeight(settings.weight, levels, sigmaData, { target: settings.target, gamma: config.gamma });
      const error = tf.square(tf.sub(y, predicted));
      return { loss: tf.mean(tf.mul(spread(weight, error.rank), error)) };
    },
  };
}

/** Labels of a batch with a share of them replaced by the null class. @throws UserError when there are none. */
function hideSome({ classes, config }: Diffusion, key: Key, { x, label }: Batch): Tensor | undefined {
  if (classes === undefined) return undefined;
  if (label === undefined) {
    throw new UserError(
      "@latentkit/diffusion",
      "label must be given to a model trained with conditional: true, got none; give one a datum",
    );
  }
  if (config.dropLabel === 0) return label;
  const hidden = bernoulli(key, tf.fill([x.shape[0] as number], config.dropLabel));
  return tf.where(tf.cast(hidden, "bool"), tf.fill(label.shape, classes, "int32"), label);
}

function conditionalClasses({ conditional }: DiffusionConfig, { classes }: DatumSpec): number | undefined {
  if (!conditional) return undefined;
  if (classes !== undefined) return classes;
  throw new UserError(
    "@latentkit/diffusion",
    "conditional must be false on data without labels, got true; choose labelled data",
  );
}
