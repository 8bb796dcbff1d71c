import type { DType, HostTensor, Key, TensorSpec } from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { DatumSpec, Split } from "./data.js";
import type { MetricResult } from "./metric-result.js";
import type { TensorTree } from "./tensor-tree.js";
import type { TrainConfigInput } from "./train-config.js";

/** A mini-batch: `x` of shape `(B, ...datum.shape)`, `label` of shape `(B,)` int32 when the data are labelled, further fields by name. */
export interface Batch {
  readonly x: Tensor;
  readonly label?: Tensor;
  readonly [field: string]: Tensor | undefined;
}

/** What one evaluation of a loss gives. */
export interface LossResult<S> {
  /** Scalar to minimise. */
  readonly loss: Tensor;
  /** The next state; absent when the loss leaves it as it was. */
  readonly state?: S;
  /** Scalars to log, by name. */
  readonly metrics?: Readonly<Record<string, Tensor>>;
}

/** What a loss may depend on besides parameters and data. */
export interface LossContext {
  readonly key: Key;
  /** Update number, counted from 0: int32 scalar. For warm-up inside a loss. */
  readonly step: Tensor;
  /** Share of the run's updates that are done: float32 scalar, 0 at the first. For schedules that end with the run, however long it is. */
  readonly progress: Tensor;
}

/** A term that costs much and need not be computed always, such as a gradient penalty. */
export interface LazyTerm<P = any, S = any> {
  /** The term is added on every `every`-th step, multiplied by `every`: on average the loss is the same as with it on every step. */
  readonly every: number;
  /** Takes the key and the state that the objective's loss takes; what both compute from them is computed once. */
  loss(params: P, state: S, batch: Batch, context: LossContext): Omit<LossResult<S>, "state">;
}

/** One loss and the parameter groups it trains: a GAN has two, the rest one. */
export interface Objective<P = any, S = any> {
  readonly name: string;
  /** Top-level keys of the parameters. */
  readonly trains: readonly (keyof P & string)[];
  /** Run on every `every`-th step only, e.g. a generator after several steps of its critic, each on a batch of its own; 1 when absent. */
  readonly every?: number;
  /** Whether sampling and evaluation use a moving average of the groups it trains; true when absent. A critic has no use for one. */
  readonly average?: boolean;
  readonly lazy?: LazyTerm<P, S>;
  loss(params: P, state: S, batch: Batch, context: LossContext): LossResult<S>;
}

/** Everything a sampler may be asked for; a plugin's own options (`temperature`, `guidance` …) stand in `options`, checked by its schema. */
export interface SampleRequest {
  /** Number of samples of one call: static, decides shapes. */
  readonly n: number;
  /** Shape `(n,)` int32, when asked for by class. */
  readonly label?: Tensor;
  readonly options: Readonly<Record<string, unknown>>;
  /** Those given of the model's {@link GenerativeModel.sampleInputs}, shape `(n, ...shape)`, or with fewer rows where the model spreads them. */
  readonly inputs?: Readonly<Record<string, Tensor>>;
}

/** A tensor that a sampler takes beside its options: a prompt, a source to translate, an image to start from, a mask. */
export interface SampleInput {
  /** Of one sample; `null` is any length. */
  readonly shape: readonly (number | null)[];
  /** float32 when absent. */
  readonly dtype?: DType;
  /**
   * Rows may be fewer than samples, any number that divides `n`: the model reads each once and spreads what it made of it.
   * Otherwise the sampler gets a row for every sample.
   */
  readonly spread?: boolean;
  /** What black and white of a picture file become; [0, 1] when absent. */
  readonly range?: readonly [low: number, high: number];
  /** One line for help. */
  readonly summary: string;
}

/** What is known of a {@link SampleRequest} before any tensor is: enough to plan the steps. */
export interface SamplingPlan {
  readonly n: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** Shapes of the {@link SampleRequest.inputs} given. */
  readonly inputs?: Readonly<Record<string, TensorSpec>>;
}

/** A scan: `start`, then `steps` times `step`, then `finish`; each part is compiled once, for each shape of the carry. */
export interface Sampling<P = any, S = any, C extends TensorTree = any> {
  /** 0: VAE, GAN, flow; T: diffusion; maxNewTokens: autoregressive; D: MAF. */
  readonly steps: number;
  start(params: P, state: S, key: Key, request: SampleRequest): C;
  /** One step with static shapes. @param i Step number from 0, int32 scalar. */
  step?(params: P, state: S, carry: C, i: Tensor, key: Key): C;
  /** Another program that runs before those steps that it is due at: a window that moves on, a schedule's second phase. */
  readonly refresh?: {
    due(i: number): boolean;
    step(params: P, state: S, carry: C, i: Tensor, key: Key): C;
  };
  /**
   * Where the carry takes a larger shape: a cache with room for the tokens of the next steps, not yet for all that may come. By ascending step; what
   * follows each is compiled for itself. A `refresh` that is due at the same step still sees the smaller carry.
   */
  readonly growth?: readonly Growth<C>[];
  /** Whether further steps change nothing, bool scalar: the scan ends early, up to one step later. */
  done?(carry: C): Tensor;
  /** @returns Samples in the data's own range, shape `(n, ...datum.shape)`; longer or shorter when the request's options say so. */
  finish(params: P, state: S, carry: C): Tensor;
}

/** A larger carry from some step on. */
export interface Growth<C extends TensorTree = any> {
  /** The first step that needs it, at least 1. */
  readonly at: number;
  grow(carry: C): C;
}

/** Encoder and decoder of a latent-variable model: interpolation, features, reconstruction. */
export interface Latent<P = any, S = any> {
  /** Shape of one latent without the batch, e.g. `[20]`. Latents are distributed as standard normal. */
  readonly shape: readonly number[];
  /** The most likely latent of each datum, shape `(B, ...shape)`; absent when data cannot be encoded, as in a GAN. */
  encode?(params: P, state: S, batch: Batch): Tensor;
  /** @param label Shape `(B,)` int32 for conditional models. @returns Data in their own range, shape `(B, ...datum.shape)`. */
  decode(params: P, state: S, z: Tensor, label?: Tensor): Tensor;
}

/** Steps of equal shape that make one tensor of an input: like {@link Sampling}, each part is compiled once. */
export interface Scan<I, P = any, S = any, C extends TensorTree = any> {
  readonly steps: number;
  start(params: P, state: S, input: I, key: Key): C;
  /** @param i Step number from 0, int32 scalar. */
  step(params: P, state: S, carry: C, i: Tensor, key: Key): C;
  finish(params: P, state: S, carry: C): Tensor;
}

/** A {@link Latent} space whose ways there and back take many steps: the noise of a diffusion model, by its differential equation. */
export interface ScanLatent<P = any, S = any> {
  /** As in {@link Latent}. */
  readonly shape: readonly number[];
  readonly encode: Scan<Batch, P, S>;
  readonly decode: Scan<{ readonly z: Tensor; readonly label?: Tensor }, P, S>;
}

/** What every measurement of a model's own says of itself. */
interface MetricFacts {
  readonly unit: string;
  /** One line for `latentkit list`. */
  readonly summary: string;
  /** Computed only when asked for by name, because it takes long. */
  readonly onRequest?: boolean;
  /** Computed along with whatever metrics are asked for: a number without which the others mislead. */
  readonly everyEvaluation?: boolean;
  /** Computed at every evaluation during training too, on at most so many examples of the test split. */
  readonly monitor?: number;
  /** Measure at most so many examples of a split; all when absent. */
  readonly limit?: number;
  /** The number of a whole split from all examples, shape `(n, ...)`; the mean with its standard error when absent. `note`: what to know of it. */
  aggregate?(perExample: HostTensor): { value: number; stderr: number; n: number; note?: string };
}

/** A number about a batch that the evaluator averages over a split, with its unit. */
export interface ModelMetric<P = any, S = any> extends MetricFacts {
  /** What is measured of each example, shape `(B,)`, or `(B, ...)` when `aggregate` says what to make of it. */
  perExample(params: P, state: S, batch: Batch, key: Key): Tensor;
}

/** A measurement that takes many equal steps (draws of noise, a sequential inverse): like {@link Sampling}, from a batch. */
export interface ScanMetric<P = any, S = any, C extends TensorTree = any> extends MetricFacts {
  readonly scan: MetricScan<P, S, C>;
}

/** The steps of a {@link ScanMetric}: `finish` gives what is measured of each example, shape `(B,)` or `(B, ...)`. */
export type MetricScan<P = any, S = any, C extends TensorTree = any> = Scan<Batch, P, S, C>;

/**
 * Everything the trainer, the evaluator and the command line may know about a model.
 * Data and pure functions: all tensors are arguments, all functions can be traced.
 */
export interface GenerativeModel<P = any, S = any> {
  readonly datum: DatumSpec;
  /** Whether samples can be asked for by class; then they must differ by it. */
  readonly conditional?: boolean;
  /** What a reader must know to compare this model's likelihoods, e.g. "on dynamically binarised data"; printed with every such metric. */
  readonly likelihoodNote?: string;
  /** @param batch Serves data-dependent initialisation. */
  init(key: Key, batch: Batch): { params: P; state: S };
  /** Run in order on every step. */
  readonly objectives: readonly Objective<P, S>[];
  /** @throws UserError when an option or an input cannot be right for the model. */
  sampling(plan: SamplingPlan): Sampling<P, S>;
  /** Tensors that sampling may be given, by name. */
  readonly sampleInputs?: Readonly<Record<string, SampleInput>>;
  /** Looks at the values of a request's inputs. @throws UserError when they cannot be right: a token outside the vocabulary. */
  checkInputs?(inputs: Readonly<Record<string, HostTensor>>): void;
  /** Exact log-likelihood in nats, shape `(B,)`: flow, autoregressive. */
  logProb?(params: P, state: S, batch: Batch): Tensor;
  /** Lower bound on the log-likelihood in nats, shape `(B,)`: VAE, diffusion. */
  elbo?(params: P, state: S, batch: Batch, key: Key): Tensor;
  readonly latent?: Latent<P, S>;
  /** The same in many steps; a model has one of the two, or none. */
  readonly scanLatent?: ScanLatent<P, S>;
  /** The best answer to the source of each pair, by a scan that gives rows as targets are stored: int32, shape `(B, ...datum.target)`. */
  readonly answers?: MetricScan<P, S>;
  /** What the model sees in each datum, shape `(B, F)`: for probes and maps. `latent.encode` serves where it is absent. */
  features?(params: P, state: S, batch: Batch): Tensor;
  /** Examples that a measurement takes at once, where 250 would need too much memory. */
  readonly evaluationBatch?: number;
  /** A sampling option whose effect is worth a picture, with values to draw it at: a ladder of temperatures. */
  readonly ladder?: { readonly option: string; readonly values: readonly number[] };
  /** Further measurements of this model's own: importance-weighted NLL, KL, active units … */
  readonly metrics?: Readonly<Record<string, ModelMetric<P, S>>>;
  /** Those that take a scan; names differ from those of `metrics`. */
  readonly scanMetrics?: Readonly<Record<string, ScanMetric<P, S>>>;
  /**
   * General measurements, slow as they may be, without which one does not know how such a model fares: by name, how many samples they take during
   * training. Part of every evaluation where they apply.
   */
  readonly watches?: Readonly<Record<string, number>>;
  /**
   * What measurements say is wrong with the model, one line each: the signs, and what to try. Empty when nothing is.
   *
   * @param results All that were measured together, the model's own and others.
   */
  diagnose?(results: Readonly<Record<string, MetricResult>>): readonly string[];
  /** Training options that suit the model, where the user gives none. */
  readonly training?: TrainConfigInput;
  /** Looks at the data before the first step. @param columns Their names, of tables. @throws UserError when nothing can be learned from them. */
  checkData?(train: Split, columns?: readonly string[]): void;
}
