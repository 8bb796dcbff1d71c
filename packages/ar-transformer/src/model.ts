/*
 * Autoregressive transformers.
 *
 *   Vaswani et al., "Attention is all you need", 2017. https://arxiv.org/abs/1706.03762
 *   Radford et al., "Language models are unsupervised multitask learners", 2019.
 *   Chen et al., "Generative pretraining from pixels", 2020. https://cdn.openai.com/papers/Generative_Pretraining_from_Pixels_V2.pdf
 *
 * A sequence is as probable as its tokens one after the other,
 *
 *   log p(x) = sum_t log p(x_t | x_1 … x_{t-1}),                 in nats,
 *
 * and one pass of a network whose position t sees positions up to t gives all terms. Text, targets of pairs and images are such sequences
 * (`tasks/`); the networks are in `networks/`, how tokens are drawn one by one in `sampler.ts` and `beam.ts`.
 */
import {
  type DatumSpec,
  fold,
  type GenerativeModel,
  type Key,
  parseOptions,
  softmaxCrossEntropy,
  type TrainConfigInput,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { answerScan } from "./answers.js";
import type { Architecture } from "./architecture.js";
import { beamSampling } from "./beam.js";
import { type ArSampleOptions, type ArTransformerConfig, arSampleOptions } from "./config.js";
import { checkInputValues, checkSampleOptions, inputsOf, lengthsOf } from "./generation.js";
import { smoothedCrossEntropy, weightedMean } from "./loss.js";
import { type Scores, tokenMetrics } from "./metrics.js";
import { tokenSampling } from "./sampler.js";
import type { Sequences } from "./tasks/task.js";
import { type Transformer, wireTransformer } from "./transformer.js";

/**
 * A transformer for the given data.
 *
 * @throws UserError when an option cannot be right for the data.
 */
export function createArTransformer(config: ArTransformerConfig, datum: DatumSpec): GenerativeModel {
  const transformer = wireTransformer(config, datum);
  const { architecture, network, task } = transformer;
  const isImage = datum.kind !== "tokens" && datum.kind !== "pairs";
  const score = (params: any, state: any, batch: any) => scoresOf(transformer, params, state, batch);
  return {
    datum,
    ...(task.note === undefined ? {} : { likelihoodNote: task.note }),
    init: (key, batch) => ({
      params: network.init(fold(key, "network")),
      state: task.initState(batch, fold(key, "state")),
    }),
    objectives: [
      {
        name: "nll",
        trains: network.groups as string[],
        loss: (params, state, batch, { key }) => loss(transformer, params, task.sequences(state, batch), key),
      },
    ],
    training: training(architecture, task.length),
    evaluationBatch: evaluationBatch(architecture, task.length),
    sampleInputs: inputsOf(task),
    checkInputs: (inputs) => checkInputValues(task, inputs),
    sampling(shape) {
      const options: ArSampleOptions = parseOptions("@latentkit/ar-transformer", arSampleOptions, shape.options);
      checkSampleOptions(task, options);
      const generator = { network, task, options, lengths: lengthsOf(architecture, task, options, shape) };
      return options.beams > 1 ? beamSampling(generator) : tokenSampling(generator);
    },
    logProb(params, state, batch) {
      const { losses, weights } = score(params, state, batch);
      return tf.neg(tf.sum(tf.mul(losses, weights), 1));
    },
    ...(network.features === undefined
      ? {}
      : { features: (params, state, batch) => features(transformer, params, task.sequences(state, batch)) }),
    metrics: tokenMetrics(score, !isImage),
    ...(task.sourceLength === undefined ? {} : { answers: answerScan(transformer) }),
  };
}

/** The mean over positions of what the middle layer sees. Chen et al., "Image GPT", 2020, §2.3. @returns Shape `(B, C)`. */
function features({ network }: Transformer, params: any, sequences: Sequences): Tensor {
  const seen = network.features?.(params, sequences) as Tensor; // (B, T, C)
  const { weights } = sequences;
  if (weights === undefined) return tf.mean(seen, 1);
  const present = tf.expandDims(weights, 2);
  return tf.div(tf.sum(tf.mul(seen, present), 1), tf.sum(present, 1));
}

/** Mean cross-entropy of the targets, smoothed; `nats` beside it is the plain one. */
function loss({ architecture, network }: Transformer, params: any, sequences: Sequences, key: Key) {
  const { labelSmoothing, dropout } = architecture;
  const { rows, targets, weights } = flat(network.logits(params, sequences, dropout > 0 ? key : undefined), sequences);
  if (labelSmoothing === 0) return { loss: weightedMean(softmaxCrossEntropy(rows, targets), weights) };
  return {
    loss: weightedMean(smoothedCrossEntropy(rows, targets, labelSmoothing), weights),
    metrics: { nats: weightedMean(softmaxCrossEntropy(rows, targets), weights) },
  };
}

/** Logits `(N, V)` and targets `(N,)` of all positions of a batch. */
function flat(logits: Tensor, { targets, weights }: Sequences) {
  const size = logits.shape[2] as number;
  return {
    rows: tf.reshape(logits, [targets.size, size]),
    targets: tf.reshape(targets, [targets.size]),
    weights: weights && tf.reshape(weights, [targets.size]),
  };
}

function scoresOf({ network, task }: Transformer, params: any, state: any, batch: any): Scores {
  const sequences = task.sequences(state, batch);
  const { rows, targets } = flat(network.logits(params, sequences), sequences);
  const { shape } = sequences.targets;
  const best = tf.argMax(rows, 1);
  return {
    losses: tf.reshape(softmaxCrossEntropy(rows, targets), shape),
    errors: tf.reshape(tf.cast(tf.notEqual(best, targets), "float32"), shape),
    weights: sequences.weights ?? tf.ones(shape),
  };
}

/** Attention weights of one layer that are in memory at once, 256 MB: of 784 pixels those of 27 images, of short texts all that are usual. */
const ATTENTION_WEIGHTS = 2 ** 26;

function evaluationBatch({ nHead }: Architecture, length: number): number {
  return Math.max(1, Math.min(250, Math.floor(ATTENTION_WEIGHTS / (nHead * length ** 2))));
}

/**
 * Training options. Sequences and images: nanoGPT's for a CPU; wide models learn at a lower rate, as GPT-3's (Brown et al., 2020, table 2.1).
 * One image has as many tokens as nanoGPT's whole update of 12 x 64: long sequences come four at a time, for three times as many updates.
 * Post-norm: Vaswani et al., 2017, §5.3, with a warm-up that short runs of small models see the end of.
 */
function training({ nEmbd, placement }: Architecture, length: number): TrainConfigInput {
  if (placement === "post") {
    const warmup = nEmbd >= 512 ? 4000 : 1000;
    return {
      batchSize: 64,
      optimizer: { name: "adam", schedule: "noam", modelWidth: nEmbd, warmup, beta2: 0.98, epsilon: 1e-9 },
    };
  }
  const learningRate = nEmbd <= 512 ? 1e-3 : 6e-4;
  return {
    batchSize: Math.max(4, Math.min(12, Math.round(3072 / length))),
    steps: 2000,
    emaDecay: 0,
    optimizer: {
      name: "adamw",
      learningRate,
      schedule: "cosine",
      warmup: 0.05,
      final: learningRate / 10,
      beta2: 0.99,
      weightDecay: 0.1,
      clipNorm: 1,
    },
  };
}
