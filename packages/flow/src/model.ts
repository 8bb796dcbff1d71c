/*
 * Normalizing flows.
 *
 *   Rezende & Mohamed, "Variational inference with normalizing flows", 2015, §3. https://arxiv.org/abs/1505.05770
 *   Dinh, Sohl-Dickstein, Bengio, "Density estimation using Real NVP", 2016, §3. https://arxiv.org/abs/1605.08803
 *   Papamakarios et al., "Normalizing flows for probabilistic modeling and inference", 2019. https://arxiv.org/abs/1912.02762
 *
 * An invertible map f takes data to noise of a simple density p_Z, so the density of the data is exact,
 *
 *   log p(x) = log p_Z(f(x)) + log |det df/dx|,                 in nats,
 *
 * and sampling is x = f^-1(z), z ~ p_Z. Values on levels (8-bit pixels) get noise first, and the likelihood becomes a bound on log P(x).
 * The maps are in `transforms/`, their wiring in `models/`, what happens to levels in `dequantize.ts`.
 */
import {
  type Batch,
  type DatumSpec,
  fold,
  type GenerativeModel,
  type Key,
  type Objective,
  parseOptions,
  type TensorTree,
  type TrainConfigInput,
  UserError,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Base } from "./bases/base.js";
import { mixtureBase } from "./bases/mixture.js";
import { normalBase } from "./bases/normal.js";
import { checkData } from "./check-data.js";
import { type FlowConfig, flowSampleOptions } from "./config.js";
import {
  continuousData,
  type Dequantization,
  levelsOf,
  uniformDequantization,
  variationalDequantization,
} from "./dequantize.js";
import { diagnoseInversion, flowMetrics, flowScanMetrics } from "./metrics.js";
import { sizeOfShape } from "./models/architecture.js";
import { architectures } from "./models/index.js";
import { flowSampling } from "./sampler.js";
import { chain } from "./transforms/chain.js";
import { logit } from "./transforms/logit.js";
import type { Transform } from "./transforms/transform.js";

/** Parameter groups; `base` and `dequantization` only when they learn something. */
export interface FlowParams {
  readonly transform: TensorTree;
  readonly base?: TensorTree;
  readonly dequantization?: TensorTree;
}

/** A flow keeps nothing that gradients do not train. */
export type FlowState = Record<string, never>;

/** What the configuration and the data decide before any tensor exists. */
export interface Flow {
  readonly config: FlowConfig;
  readonly datum: DatumSpec;
  /** Number of values of one datum, D. */
  readonly size: number;
  /** Continuous data `(B, ...shape)` to noise `(B, D)`. */
  readonly transform: Transform;
  readonly base: Base;
  readonly dequantization: Dequantization;
  /** Number of classes when conditional on labels. */
  readonly classes: number | undefined;
}

/**
 * A flow for the given data.
 *
 * @throws UserError when an option cannot be right for the data.
 */
export function createFlow(config: FlowConfig, datum: DatumSpec): GenerativeModel<FlowParams, FlowState> {
  const flow = wireFlow(config, datum);
  const { isNoisy, note } = flow.dequantization;
  const needsContext = config.conditional === "context";
  const isOnePass = flow.transform.scan === undefined;
  return {
    datum,
    conditional: flow.classes !== undefined,
    likelihoodNote: note,
    checkData: (train, columns) => checkData(flow, train, columns),
    diagnose: diagnoseInversion,
    init: (key, batch) => ({ params: initParams(flow, key, batch), state: {} }),
    objectives: [objective(flow)],
    training: training(datum),
    sampling: ({ options }) => flowSampling(flow, parseOptions("@latentkit/flow", flowSampleOptions, options)),
    ...(isNoisy
      ? { elbo: (params, _state, batch, key) => logLikelihood(flow, params, batch, key) }
      : { logProb: (params, _state, batch) => logLikelihood(flow, params, batch) }),
    ...(needsContext || !isOnePass ? {} : { latent: latent(flow) }),
    ...(datum.shape.length === 3 ? { ladder: { option: "temperature", values: TEMPERATURES } } : {}),
    metrics: flowMetrics(flow),
    scanMetrics: flowScanMetrics(flow),
  };
}

/** A decaying rate ends where a constant one oscillates; large gradients come from single points of low density, on vectors only. */
function training({ shape }: DatumSpec): TrainConfigInput {
  const optimizer = { learningRate: 2e-3, schedule: "cosine" } as const;
  return shape.length === 3 ? { optimizer } : { optimizer: { ...optimizer, clipNorm: 5 }, emaDecay: 0.99 };
}

/** What a picture of samples at several temperatures shows. Kingma & Dhariwal, 2018, figure 8. */
const TEMPERATURES = [0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** The parts of a flow. @throws UserError when an option cannot be right for the data. */
export function wireFlow(config: FlowConfig, datum: DatumSpec): Flow {
  const classes = conditionalClasses(config, datum);
  const dequantization = chooseDequantization(config, datum);
  const isImage = datum.shape.length === 3;
  const size = sizeOfShape(datum.shape);
  const name = config.model === "auto" ? (isImage ? "glow" : "nsf") : config.model;
  checkModel(name, size);
  const isBounded = datum.range !== undefined || levelsOf(datum) !== undefined;
  const architecture = architectures[name](config, datum.shape);
  const transform =
    isBounded && config.logit > 0 ? chain({ logit: logit(config.logit), flow: architecture }) : architecture;
  const base = config.base === "normal" ? normalBase() : mixtureBase(config.components);
  return { config, datum, size, transform, base, dequantization, classes };
}

function initParams(flow: Flow, key: Key, batch: Batch): FlowParams {
  const { transform, base, dequantization, size } = flow;
  const noise = dequantization.init?.(fold(key, "dequantization"), batch.x);
  const { x } = dequantization.toContinuous(noise ?? {}, batch.x, fold(key, "noise"));
  return {
    transform: transform.init(fold(key, "transform"), x, contextOf(flow, batch)),
    ...(base.init ? { base: base.init(fold(key, "base"), size) } : {}),
    ...(noise ? { dequantization: noise } : {}),
  };
}

/**
 * `log p(x)`, or the bound on `log P(x)` for values on levels, nats, `(B,)`.
 *
 * @param key Of the dequantisation noise; without it values are in the middle of their level.
 */
export function logLikelihood(flow: Flow, params: FlowParams, batch: Batch, key?: Key): Tensor {
  const { x, correction } = flow.dequantization.toContinuous(params.dequantization ?? {}, batch.x, key);
  const { y: z, logDet } = flow.transform.encode(params.transform, x, contextOf(flow, batch));
  return tf.add(tf.add(flow.base.logProb(params.base ?? {}, z), logDet), correction);
}

/**
 * Draws and their log-likelihoods in one pass, for continuous data: `log p(x) = log p_Z(z) - log|det dx/dz|`. Gradients flow through the draws,
 * so this is also what a reverse Kullback-Leibler divergence needs.
 *
 * @param context Shape `(n, C)` for conditional models.
 * @returns `x` of shape `(n, ...datum.shape)`, `logProb` in nats, `(n,)`.
 * @throws UserError for data on levels, whose draws are rounded.
 */
export function sampleAndLogProb(
  flow: Flow,
  params: FlowParams,
  key: Key,
  n: number,
  context?: Tensor,
): { x: Tensor; logProb: Tensor } {
  const { dequantization, transform, base, size, datum } = flow;
  if (dequantization.isNoisy) {
    throw new UserError(
      "@latentkit/flow",
      "sampleAndLogProb needs continuous data, these have levels: a drawn value is rounded; sample, then evaluate elbo",
    );
  }
  const z = base.sample(params.base ?? {}, key, [n, size], 1);
  const { y, logDet } = transform.decode(params.transform, z, context);
  const width = datum.range === undefined ? 1 : datum.range[1] - datum.range[0];
  const logProb = tf.sub(tf.sub(base.logProb(params.base ?? {}, z), logDet), size * Math.log(width));
  return { x: dequantization.toData(y), logProb };
}

/** The fields of a batch that a density may be conditioned on. */
interface ContextFields {
  readonly label?: Tensor;
  readonly context?: Tensor | undefined;
}

/** What the density is conditioned on, `(B, C)`: a one-hot label, or the batch's own vectors. */
export function contextOf(flow: Flow, { label, context }: ContextFields): Tensor | undefined {
  const { classes, config } = flow;
  if (config.conditional === "none") return undefined;
  if (config.conditional === "context") {
    if (context !== undefined && context.rank === 2) return context;
    throw new UserError(
      "@latentkit/flow",
      `conditional: context needs a field "context" with a vector for each example, got ${context === undefined ? "none" : `shape [${context.shape}]`}; add it, or set conditional to label or none`,
    );
  }
  if (label !== undefined) return tf.oneHot(label as tf.Tensor1D, classes as number, 1, 0, "float32");
  throw new UserError(
    "@latentkit/flow",
    "label must be given to a model trained with conditional: label, got none; give one a datum",
  );
}

/** Maximum likelihood: the mean of `-log p(x)`. In bits a dimension beside it, when values are on levels. */
function objective(flow: Flow): Objective<FlowParams, FlowState> {
  const { base, dequantization, size } = flow;
  const trains: (keyof FlowParams)[] = ["transform"];
  if (base.init) trains.push("base");
  if (dequantization.init) trains.push("dequantization");
  return {
    name: "nll",
    trains,
    loss(params, _state, batch, { key }) {
      const logLikelihoods = logLikelihood(flow, params, batch, fold(key, "noise"));
      const loss = tf.neg(tf.mean(logLikelihoods));
      return { loss, ...(dequantization.isNoisy ? { metrics: { bitsPerDim: tf.div(loss, size * Math.LN2) } } : {}) };
    },
  };
}

/** Noise as a code of the data, `(B, D)`: exact but for the place of a value inside its level. */
function latent(flow: Flow): NonNullable<GenerativeModel<FlowParams, FlowState>["latent"]> {
  const { transform, dequantization, size } = flow;
  return {
    shape: [size],
    encode(params, _state, batch) {
      const { x } = dequantization.toContinuous(params.dequantization ?? {}, batch.x);
      return transform.encode(params.transform, x, contextOf(flow, batch)).y;
    },
    decode: (params, _state, z, label) =>
      dequantization.toData(transform.decode(params.transform, z, contextOf(flow, label ? { label } : {})).y),
  };
}

function chooseDequantization({ dequantization }: FlowConfig, datum: DatumSpec): Dequantization {
  if (datum.kind === "tokens" || datum.kind === "pairs") {
    throw new UserError(
      "@latentkit/flow",
      `data must be continuous or on levels, got ${datum.kind}; train an autoregressive model on them`,
    );
  }
  if (levelsOf(datum) !== undefined) {
    return dequantization === "uniform" ? uniformDequantization(datum) : variationalDequantization(datum);
  }
  if (dequantization === "uniform") return continuousData(datum);
  throw new UserError(
    "@latentkit/flow",
    `dequantization must be uniform for data without levels, got "variational"; leave it out`,
  );
}

/** An inverse autoregressive flow needs as many passes a likelihood as there are features, all in one graph. */
const MAX_IAF_FEATURES = 64;

function checkModel(name: Exclude<FlowConfig["model"], "auto">, size: number): void {
  if (size === 1 && ["nice", "realnvp", "nsf"].includes(name)) {
    throw new UserError(
      "@latentkit/flow",
      `model must be maf or nsf-ar for data of one dimension, got "${name}": a coupling needs two halves`,
    );
  }
  if (name === "iaf" && size > MAX_IAF_FEATURES) {
    throw new UserError(
      "@latentkit/flow",
      `model must not be iaf for data of ${size} dimensions: a likelihood takes one pass for each; use maf, or at most ${MAX_IAF_FEATURES} dimensions`,
    );
  }
}

function conditionalClasses({ conditional }: FlowConfig, { classes }: DatumSpec): number | undefined {
  if (conditional !== "label") return undefined;
  if (classes !== undefined) return classes;
  throw new UserError(
    "@latentkit/flow",
    'conditional must be none on data without labels, got "label"; choose labelled data',
  );
}
