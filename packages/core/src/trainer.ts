import {
  compile,
  type Engine,
  type HostTensor,
  hostKey,
  type Program,
  type Store,
  type TensorSpec,
  type Tree,
  UserError,
} from "@latentkit/jit";
import { type BatchOrder, batchOrder } from "./batches.js";
import type { CheckpointChoice, CheckpointMeta, CheckpointStore, TensorFiles } from "./checkpoint.js";
import type { Clock } from "./clock.js";
import type { Dataset } from "./data.js";
import { drawnPart } from "./evaluation/partial-split.js";
import type { Evaluator } from "./evaluator.js";
import { combineSinks, type LogSink } from "./log.js";
import type { EvaluationProgress, MetricContext } from "./metric.js";
import type { MetricResult } from "./metric-result.js";
import type { GenerativeModel } from "./model.js";
import { batchSpecs, checkTensors, type ModelSpecs, modelSpecs } from "./model-specs.js";
import { Session } from "./session.js";
import { estimateSize, isTimed, type StepConfig, type TrainConfig, totalSteps } from "./train-config.js";
import {
  type ActiveObjective,
  activeObjectives,
  initialState,
  stepInputSpecs,
  stepInputs,
  trainStateSpecs,
  trainStep,
} from "./train-step.js";

/** Services the trainer works with. */
export interface TrainerServices {
  readonly clock: Clock;
  readonly checkpoints: CheckpointStore;
  readonly sink: LogSink;
  readonly evaluator: Evaluator;
}

/** Where a run stands after an update. */
export interface Progress {
  /** Updates done. */
  readonly step: number;
  readonly steps: number;
  /** Passes over the data so far, with the fraction of the current one. */
  readonly epoch: number;
  readonly epochs: number;
  /** Scalars of the latest update: `loss`, its parts, `gradNorm`, `skipped`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Examples a second, over the last seconds. */
  readonly examplesPerSecond: number;
  /** At the present speed; NaN before the second update. */
  readonly secondsLeft: number;
}

/** What to train, on what. */
export interface FitRequest {
  readonly model: GenerativeModel;
  readonly dataset: Dataset;
  readonly engine: Engine;
  readonly config: TrainConfig;
  /** The trial that settled the number of updates: what was compiled for it is used on. */
  readonly trial?: Trial;
  /** Continue from a checkpoint of the store. */
  readonly resume?: CheckpointChoice;
  /** Stop early, in updates or in an evaluation: the state is saved and `fit` returns with `interrupted`. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Told before each batch of an evaluation how far it is. */
  readonly onEvaluationProgress?: (progress: EvaluationProgress) => void;
  /** Called at every evaluation with the session, e.g. to draw samples. @param isLast Whether the training has ended. */
  readonly onEvaluate?: (
    step: number,
    results: Readonly<Record<string, MetricResult>>,
    session: Session,
    trainSeconds: number,
    isLast: boolean,
  ) => Promise<void> | void;
  /** Every evaluation, the one at the end too, measures the first so many examples of the test split; when absent, the configuration says how many. */
  readonly evaluateLimit?: number;
  /** Told in one line what an evaluation found wrong with the model. */
  readonly onWarning?: (warning: string) => void;
}

/** How a run ended. */
export interface FitResult {
  readonly session: Session;
  readonly specs: ModelSpecs;
  readonly step: number;
  readonly steps: number;
  /** Whether the signal ended it, before the last update or before the evaluation at the end was complete. */
  readonly interrupted: boolean;
  /** Whether the time limit ended it before the last update. */
  readonly outOfTime: boolean;
  /** Seconds spent in updates, compiling, evaluation and checkpoints not counted; of a run with a time limit, those before it was resumed too. */
  readonly trainSeconds: number;
  /** Results of the last evaluation; empty when interrupted before one. */
  readonly metrics: Readonly<Record<string, MetricResult>>;
}

/** Runs the training loop; knows models by their contract only. */
export class Trainer {
  constructor(private readonly services: TrainerServices) {}

  /**
   * Trains to the end or until the signal, evaluating, logging and saving on the way.
   *
   * @throws UserError when data, configuration or checkpoint cannot be right, or training diverges.
   */
  async fit(request: FitRequest): Promise<FitResult> {
    const trial = isTimed(request.config) ? await this.trial(request) : request.trial;
    const config = trial === undefined ? request.config : { ...request.config, steps: trial.steps };
    const fit = await Fit.prepare(this.services, { ...request, config, ...(trial && { trial }) });
    return fit.run();
  }

  /**
   * How many updates fit into the time limit of a configuration: some are done for a few seconds and forgotten. The run itself is then
   * a function of its configuration again, with this number of steps.
   */
  async trial({ model, dataset, engine, config }: FitRequest): Promise<Trial> {
    const { minutes: _, ...unlimited } = config;
    const fit = await Fit.prepare(
      { ...this.services, sink: combineSinks([]) },
      { model, dataset, engine, config: { ...unlimited, steps: TRIAL_STEPS } },
    );
    return fit.tryFor(60 * (config.minutes as number));
  }
}

/** Updates that were done to learn their speed. */
export interface Trial {
  /** How many fit into the time. */
  readonly steps: number;
  /** Compiled training steps by name, and the store that they work on. */
  readonly programs: Map<string, Promise<Program>>;
  readonly store: Store;
}

/** Length of a schedule that has not begun to change when a trial ends. */
const TRIAL_STEPS = 1_000_000;
/** Share of the time that a trial takes, and its limits in seconds. */
const TRIAL = { share: 0.015, least: 1, most: 10 };
/** Left over for what a trial does not see. */
const RESERVE = 0.03;

/** Steps with the same objectives and lazy terms are one program. */
const programName = (active: readonly ActiveObjective[]): string =>
  active.map(({ objective, lazy }) => `${objective.name}${lazy ? "+" : ""}`).join();

/** One call of {@link Trainer.fit}. */
class Fit {
  readonly #programs: Map<string, Promise<Program>>;
  readonly #sums = new Map<string, { sum: number; n: number }>();
  #step = 0;
  #trainMs = 0;
  /** Since when updates run without a pause; `undefined` between. */
  #runningSince: number | undefined;
  /** Milliseconds of that which were spent on compiling. */
  #compilingMs = 0;
  readonly #rate = new RateMeter();
  #lastMetrics: Record<string, number> = {};
  #results: Record<string, MetricResult> = {};
  #savedAt = -1;

  private constructor(
    private readonly services: TrainerServices,
    private readonly request: FitRequest,
    private readonly store: Store,
    private readonly specs: ModelSpecs,
    private readonly order: BatchOrder,
    private readonly config: StepConfig,
    private readonly session: Session,
  ) {
    this.#programs = request.trial?.programs ?? new Map();
  }

  static async prepare(services: TrainerServices, request: FitRequest): Promise<Fit> {
    const { model, dataset, engine, trial } = request;
    const { train } = dataset.splits;
    model.checkData?.(train, dataset.columns);
    const order = batchOrder(train.size, request.config.batchSize, request.config.seed);
    const config = { ...request.config, steps: totalSteps(request.config, order.stepsPerEpoch) };
    const specs = modelSpecs(model, train, config.batchSize);
    const store = trial?.store ?? engine.createStore();
    await store.delete([...store.specs().keys()]); // what a trial learned
    const session = new Session(model, engine, store, specs, config.emaDecay > 0 ? "ema" : "params");
    const fit = new Fit(services, request, store, specs, order, config, session);
    await (request.resume === undefined ? fit.#initialise() : fit.#restore(request.resume));
    return fit;
  }

  async #initialise(): Promise<void> {
    const { config } = this;
    const { model, dataset, engine } = this.request;
    const { train } = dataset.splits;
    const inputs = { batch: batchSpecs(train, config.batchSize) } as Tree<TensorSpec>;
    const init = await compile(engine, initialState(model, config), { state: {}, inputs }, this.store);
    await init.run({ batch: train.gather(this.order.indices(0)) }, hostKey(config.seed, "init"));
    await init.dispose();
  }

  async #restore(which: CheckpointChoice): Promise<void> {
    const { info, tensors } = await this.services.checkpoints.load(which);
    const entries = new Map<string, HostTensor>(Object.values(tensors).flatMap((file) => [...file]));
    checkTensors(trainStateSpecs(this.request.model, this.specs, this.config), entries, `checkpoint ${info.name}`);
    await this.store.write(entries);
    this.#step = info.step;
    this.#savedAt = info.step;
    const { trainSeconds } = info.meta;
    if (typeof trainSeconds === "number") this.#trainMs = 1000 * trainSeconds;
  }

  /** Milliseconds of updates so far. */
  #elapsed(): number {
    if (this.#runningSince === undefined) return this.#trainMs;
    return this.#trainMs + this.services.clock.now() - this.#runningSince - this.#compilingMs;
  }

  #isOutOfTime(): boolean {
    const { minutes } = this.config;
    return minutes !== undefined && this.#elapsed() >= 60_000 * minutes;
  }

  /** Does updates for a while, then says how many there can be in so many seconds. */
  async tryFor(seconds: number): Promise<Trial> {
    const limit = 1000 * Math.min(TRIAL.most, Math.max(TRIAL.least, TRIAL.share * seconds));
    await this.#runUntil(3); // the programs of most models are compiled by then: the first step has every objective and lazy term
    const [from, first] = [this.#elapsed(), this.#step];
    for (let block = 2; this.#elapsed() - from < limit; block *= 2) {
      const spent = this.#elapsed() - from;
      const fitting = spent > 0 ? Math.ceil(((this.#step - first) / spent) * (limit - spent)) : block;
      await this.#runUntil(this.#step + Math.min(block, Math.max(1, fitting)));
    }
    const milliseconds = (this.#elapsed() - from) / (this.#step - first);
    const steps = Math.max(1, Math.floor(((1 - RESERVE) * 1000 * seconds) / milliseconds));
    return { steps, programs: this.#programs, store: this.store };
  }

  async run(): Promise<FitResult> {
    const { config } = this;
    const { signal } = this.request;
    while (this.#step < this.config.steps && !signal?.aborted && !this.#isOutOfTime()) {
      await this.#runUntil(this.#nextStop());
      if (signal?.aborted || this.#isOutOfTime()) break;
      if (isDue(this.#step, config.evaluateEvery) && this.#step < this.config.steps)
        await this.#evaluate(this.#estimate, false);
      if (signal?.aborted) break;
      if (isDue(this.#step, config.checkpointEvery)) await this.#save();
    }
    const outOfTime = this.#step < this.config.steps && !signal?.aborted;
    const interrupted = signal?.aborted === true || !(await this.#evaluateAtEnd());
    await this.#save();
    for (const program of this.#programs.values()) await (await program).dispose();
    return {
      session: this.session,
      specs: this.specs,
      step: this.#step,
      steps: this.config.steps,
      interrupted,
      outOfTime,
      trainSeconds: this.#trainMs / 1000,
      metrics: this.#results,
    };
  }

  /** The next step at which the loop must have the weights to itself. */
  #nextStop(): number {
    const { evaluateEvery, checkpointEvery } = this.config;
    const stops = [evaluateEvery, checkpointEvery]
      .filter((n) => n > 0)
      .map((n) => (Math.floor(this.#step / n) + 1) * n);
    return Math.min(this.config.steps, ...stops);
  }

  /** Keeps one run queued behind the one that computes, so that gathering a batch and drawing noise cost no time. */
  async #runUntil(stop: number): Promise<void> {
    const { clock } = this.services;
    this.#runningSince = clock.now();
    let pending: Promise<Record<string, HostTensor>> | undefined;
    for (let t = this.#step; t < stop && !this.request.signal?.aborted && !this.#isOutOfTime(); t++) {
      const active = activeObjectives(this.request.model, t);
      if (!this.#programs.has(programName(active))) {
        if (pending !== undefined) this.#finish(await pending);
        pending = undefined;
        await this.#compileAndRun(t, active);
        continue;
      }
      const next = this.#start(t, active);
      next.catch(() => {}); // reported when awaited below
      if (pending !== undefined) this.#finish(await pending);
      pending = next;
    }
    if (pending !== undefined) this.#finish(await pending);
    this.#trainMs = this.#elapsed();
    this.#runningSince = undefined;
    this.#compilingMs = 0;
  }

  /** The first run of a program, which compiles it: engines may take a minute for that, which is not training. */
  async #compileAndRun(t: number, active: readonly ActiveObjective[]): Promise<void> {
    const { clock } = this.services;
    const from = clock.now();
    this.#finish(await this.#start(t, active));
    this.#compilingMs += clock.now() - from;
    this.#rate.pause();
  }

  async #start(t: number, active: readonly ActiveObjective[]): Promise<Record<string, HostTensor>> {
    const { config } = this;
    const { dataset } = this.request;
    const program = await this.#program(active);
    const batch = dataset.splits.train.gather(this.order.indices(t));
    return program.run(stepInputs(batch, t, config.steps), hostKey(config.seed, "train", t));
  }

  #program(active: readonly ActiveObjective[]): Promise<Program> {
    const { config } = this;
    const { model, dataset, engine } = this.request;
    const name = programName(active);
    let program = this.#programs.get(name);
    if (program === undefined) {
      const inputs = stepInputSpecs(batchSpecs(dataset.splits.train, config.batchSize));
      const state = trainStateSpecs(model, this.specs, config);
      program = compile(engine, trainStep(model, active, config), { state, inputs }, this.store);
      this.#programs.set(name, program);
    }
    return program;
  }

  #finish(outputs: Record<string, HostTensor>): void {
    const { config } = this;
    const { onProgress } = this.request;
    this.#step++;
    const metrics: Record<string, number> = {};
    for (const [name, tensor] of Object.entries(outputs)) metrics[name] = tensor.data[0] as number;
    this.#lastMetrics = metrics;
    this.#refuseDivergence(metrics);
    for (const [name, value] of Object.entries(metrics)) {
      const entry = this.#sums.get(name) ?? { sum: 0, n: 0 };
      this.#sums.set(name, { sum: entry.sum + value, n: entry.n + 1 });
    }
    const rate = this.#rate.tick(this.services.clock.now(), config.batchSize);
    if (isDue(this.#step, config.logEvery) || this.#step === this.config.steps) this.#log(rate);
    onProgress?.({
      step: this.#step,
      steps: this.config.steps,
      epoch: this.#step / this.order.stepsPerEpoch,
      epochs: this.config.steps / this.order.stepsPerEpoch,
      metrics,
      examplesPerSecond: rate,
      secondsLeft: this.#secondsLeft(rate),
    });
  }

  #secondsLeft(rate: number): number {
    const { steps, batchSize, minutes } = this.config;
    const needed = ((steps - this.#step) * batchSize) / rate;
    return minutes === undefined ? needed : Math.min(needed, Math.max(0, 60 * minutes - this.#elapsed() / 1000));
  }

  #refuseDivergence(metrics: Record<string, number>): void {
    const { maxSkipped, optimizer } = this.config;
    if ((metrics.skippedInRow ?? 0) < maxSkipped) return;
    const last =
      this.#savedAt < 0 ? "no checkpoint was saved yet" : `the checkpoint of step ${this.#savedAt} is intact`;
    throw new UserError(
      "@latentkit/core",
      `training diverged: ${maxSkipped} updates in a row had a non-finite or exploding gradient (step ${this.#step}); ` +
        `lower optimizer.learningRate ${optimizer.learningRate === undefined ? "" : `(now ${optimizer.learningRate}) `} or check the data; ${last}`,
    );
  }

  /** Means over the steps since the last line. */
  #log(rate: number): void {
    const values: Record<string, number> = {
      "train/epoch": this.#step / this.order.stepsPerEpoch,
      "train/seconds": this.#elapsed() / 1000,
    };
    for (const [name, { sum, n }] of this.#sums) values[`train/${name}`] = sum / n;
    if (Number.isFinite(rate)) values["train/examplesPerSecond"] = rate;
    this.services.sink.scalars(this.#step, values);
    this.#sums.clear();
  }

  /** The examples of an evaluation at the end. */
  get #whole(): TestPart {
    const { evaluateLimit: limit, dataset } = this.request;
    return { split: dataset.splits.test, ...(limit === undefined ? {} : { limit }) };
  }

  /** Those of an evaluation on the way: the same ones every time. */
  get #estimate(): TestPart {
    const { split, limit } = this.#whole;
    const n = estimateSize(this.config, split.size);
    return limit !== undefined || n === split.size ? this.#whole : { split: drawnPart(split, n) };
  }

  /**
   * Measures the whole split. Where that is more than the evaluations on the way see, the state is saved before: the whole may take long, and the
   * checkpoint must be compared with the others by what was measured on the same examples.
   *
   * @returns Whether it was completed.
   */
  async #evaluateAtEnd(): Promise<boolean> {
    const { evaluateEvery, steps } = this.config;
    const isMore = countOf(this.#whole) > countOf(this.#estimate);
    if (isMore && this.#savedAt !== this.#step) {
      const isCompared = evaluateEvery > 0 && evaluateEvery < steps;
      if (isCompared && !(await this.#measure(this.#estimate))) return false;
      await this.#save();
    }
    return this.#evaluate(this.#whole, true);
  }

  /** Measures, logs, and tells. @returns Whether it was completed. */
  async #evaluate(part: TestPart, isLast: boolean): Promise<boolean> {
    const { onEvaluate, onWarning, model } = this.request;
    const { sink } = this.services;
    if (!(await this.#measure(part))) return false;
    for (const warning of model.diagnose?.(this.#results) ?? []) {
      onWarning?.(`step ${this.#step}: ${warning}`);
      sink.text?.(this.#step, "warning", warning);
    }
    const values = Object.entries(this.#results).map(([name, { value }]) => [`test/${name}`, value] as const);
    if (values.length > 0) sink.scalars(this.#step, { ...Object.fromEntries(values), "test/examples": countOf(part) });
    await onEvaluate?.(this.#step, this.#results, this.session, this.#trainMs / 1000, isLast);
    return true;
  }

  /** Sets the results. @returns False, with the results as they were, when the signal stopped it. */
  async #measure(part: TestPart): Promise<boolean> {
    const { dataset, signal, onEvaluationProgress } = this.request;
    const context = { session: this.session, dataset, seed: this.config.seed, ...part };
    this.#rate.pause();
    try {
      this.#results = await this.services.evaluator.monitor(context, { signal, onProgress: onEvaluationProgress });
      return true;
    } catch (error) {
      if (signal?.aborted) return false;
      throw error;
    }
  }

  async #save(): Promise<void> {
    if (this.#savedAt === this.#step) return;
    const tensors = await this.store.read([...this.store.specs().keys()].filter((path) => !path.startsWith("carry")));
    await this.services.checkpoints.save(this.#step, groupFiles(tensors), this.#meta());
    this.#savedAt = this.#step;
    this.#rate.pause();
  }

  /** Lower is better: minus the test bound when it is of this step, or else the last training loss. */
  #meta(): CheckpointMeta {
    const bound = this.#results.elbo ?? this.#results.logProb;
    const metric = bound === undefined ? this.#lastMetrics.loss : -bound.value;
    const time = this.config.minutes === undefined ? {} : { trainSeconds: this.#trainMs / 1000 };
    return metric === undefined || !Number.isFinite(metric) ? time : { metric, ...time };
  }
}

/** What an evaluation reads: a split, or its first examples. */
type TestPart = Pick<MetricContext, "split" | "limit">;

const countOf = ({ split, limit = split.size }: TestPart): number => Math.min(limit, split.size);

function isDue(step: number, every: number): boolean {
  return every > 0 && step % every === 0;
}

/** Paths by checkpoint file: weights and state, moving average, everything else. */
function groupFiles(tensors: ReadonlyMap<string, HostTensor>): TensorFiles {
  const files: Record<string, Map<string, HostTensor>> = { model: new Map(), optimizer: new Map() };
  for (const [path, tensor] of tensors) {
    const [top] = path.split(".");
    const name = top === "params" || top === "state" ? "model" : top === "ema" ? "ema" : "optimizer";
    files[name] ??= new Map();
    files[name].set(path, tensor);
  }
  return files;
}

const WINDOW_MS = 5000;

/** Examples a second over the last seconds of updates; what lies between a `pause` and the next update does not count. */
class RateMeter {
  readonly #durations: number[] = [];
  #total = 0;
  #last: number | undefined;

  tick(now: number, batchSize: number): number {
    if (this.#last !== undefined) {
      this.#durations.push(now - this.#last);
      this.#total += now - this.#last;
    }
    this.#last = now;
    while (this.#total > WINDOW_MS && this.#durations.length > 1) this.#total -= this.#durations.shift() as number;
    return this.#total > 0 ? (this.#durations.length * batchSize * 1000) / this.#total : Number.NaN;
  }

  pause(): void {
    this.#last = undefined;
  }
}
