import {
  compile,
  type Engine,
  flatten,
  fold,
  type HostTensor,
  hostKey,
  hostTensor,
  type Key,
  mapTree,
  type ProgramFunction,
  philoxNormal,
  type Store,
  sizeOf,
  type TensorSpec,
  type Tree,
  UserError,
} from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import { paddedRanges } from "./batches.js";
import {
  compileScan,
  runSteps,
  type SampleFrame,
  type ScanParts,
  type ScanPrograms,
  samplingParts,
} from "./compiled-scan.js";
import type { Split } from "./data.js";
import type { Batch, GenerativeModel, Latent, MetricScan, SampleRequest, Scan } from "./model.js";
import { batchSpecs, type ModelSpecs } from "./model-specs.js";
import { checkRequest, chunkRequests, labelTensor, type SampleOptions, sampleInputs } from "./sample-request.js";
import { averagedGroups } from "./train-step.js";

/** How a split is read in batches. */
export interface SplitOptions {
  /** Examples a call; what the model says, or 250, when absent. */
  readonly batchSize?: number;
  readonly seed?: number;
  /** Use only the first so many examples. */
  readonly limit?: number;
}

/** Samples of one call of the engine, and so of {@link Session.sampleStream}. */
export const MAX_SAMPLES_A_CALL = 256;
const EVALUATION_BATCH = 250;

/** What a model's latent space offers, whether its ways take one step or many. */
export interface LatentSpace {
  readonly shape: readonly number[];
  readonly canEncode: boolean;
  /** Steps of encoding one batch: 1, or those of a scan. */
  readonly encodeSteps: number;
}

/** Scans whose programs stay compiled for the next request like theirs. */
const MAX_IDLE_SCANS = 4;

/** A model's weights on an engine: sample, encode, decode, measure. Programs are compiled on first use and kept. */
export class Session {
  readonly #functions = new Map<unknown, ProgramFunction>();
  readonly #idle: [name: string, programs: ScanPrograms][] = [];
  #samplings = 0;

  /**
   * @param weights Which parameters of the store to use: those trained, or their moving average where there is one.
   */
  constructor(
    readonly model: GenerativeModel,
    readonly engine: Engine,
    readonly store: Store,
    readonly specs: ModelSpecs,
    readonly weights: "params" | "ema",
  ) {}

  /**
   * Draws samples, 256 a call of the engine.
   *
   * @param onCall Told after each call how many samples it drew and how long it took, in seconds.
   * @returns Samples in the data's own range, shape `(n, ...datum.shape)`.
   * @throws UserError when `n` or a label is impossible.
   */
  async sample(request: SampleOptions, onCall?: (samples: number, seconds: number) => void): Promise<HostTensor> {
    this.#check(request);
    const calls = chunkRequests(request, MAX_SAMPLES_A_CALL);
    const parts: HostTensor[] = [];
    let from = performance.now();
    for await (const { x } of this.#scan(calls, false)) {
      parts.push(x);
      onCall?.(calls[0]?.n as number, (performance.now() - from) / 1000);
      from = performance.now();
    }
    return concatRows(parts, request.n);
  }

  /** Compiles what a request for samples needs, which its first call would do otherwise: one step is done, and forgotten. */
  async prepare(request: SampleOptions): Promise<void> {
    this.#check(request);
    const [first] = chunkRequests(request, MAX_SAMPLES_A_CALL) as [SampleOptions];
    for await (const _ of this.#scan([first], false, 1));
  }

  /** Every step of the scan; the last frame holds the samples. @throws UserError when `n` is not from 1 to 256, or a label is impossible. */
  sampleStream(request: SampleOptions): AsyncIterable<SampleFrame> {
    this.#check(request);
    if (request.n > MAX_SAMPLES_A_CALL) {
      throw new UserError("@latentkit/core", `sampleStream: n must be at most ${MAX_SAMPLES_A_CALL}, got ${request.n}`);
    }
    return this.#scan([request], true);
  }

  /** @param parts Requests of equal size and options: one compiled scan serves all. @param most Steps that are done; all when absent. */
  async *#scan(
    parts: readonly SampleOptions[],
    everyStep: boolean,
    most = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<SampleFrame> {
    const { n, options = {} } = parts[0] as SampleOptions;
    const calls = parts.map((part, chunk) => ({
      inputs: this.#sampleInputs(part),
      key: hostKey(part.seed ?? 0, "sample", chunk),
    }));
    const inputSpecs = mapTree((calls[0]?.inputs ?? {}) as Tree<HostTensor>, specOf);
    const { inputs: shapes } = inputSpecs as { inputs?: Record<string, TensorSpec> };
    const sampling = this.model.sampling({ n, options, ...(shapes === undefined ? {} : { inputs: shapes }) });
    const asked = (args: { label?: Tensor; inputs?: Record<string, Tensor> }): SampleRequest => ({
      n,
      options,
      ...args,
    });
    const signature = JSON.stringify([n, options, [...flatten(inputSpecs)]]);
    if (sampling.steps === 0 || sampling.step === undefined) {
      const once = this.#function(`sample ${signature}`, (state, args, key) => {
        const carry = sampling.start(state.params, state.state, fold(key, "start"), asked(args));
        return { outputs: { x: sampling.finish(state.params, state.state, carry) } };
      });
      const program = await this.#compile(once, inputSpecs);
      for (const { inputs, key } of calls) yield { step: 0, steps: 0, x: (await program.run(inputs, key)).x };
      return;
    }
    const name = `${signature} ${everyStep}`;
    const programs =
      this.#takeIdle(name) ?? (await this.#scanPrograms({ ...samplingParts(sampling, asked), inputSpecs, everyStep }));
    const done = { ...sampling, steps: Math.min(sampling.steps, most) };
    try {
      for (const { inputs, key } of calls) yield* runSteps(programs, done, inputs, key, everyStep);
    } finally {
      await programs.clear();
      await this.#keepIdle(name, programs);
    }
  }

  #takeIdle(name: string): ScanPrograms | undefined {
    const at = this.#idle.findIndex(([known]) => known === name);
    return at < 0 ? undefined : this.#idle.splice(at, 1)[0]?.[1];
  }

  async #keepIdle(name: string, programs: ScanPrograms): Promise<void> {
    this.#idle.push([name, programs]);
    if (this.#idle.length > MAX_IDLE_SCANS) await this.#idle.shift()?.[1].dispose();
  }

  #check(request: SampleOptions): void {
    checkRequest(request, this.model.datum.classes, this.model.sampleInputs ?? {});
    this.model.checkInputs?.(request.inputs ?? {});
  }

  /** Labels and tensors of one call, as the compiled scan takes them. */
  #sampleInputs(part: SampleOptions): Record<string, Tree<HostTensor>> {
    const label = labelTensor(part);
    const inputs = sampleInputs(part, this.model.sampleInputs ?? {});
    return {
      ...(label === undefined ? {} : { label }),
      ...(inputs === undefined ? {} : { inputs: inputs as Tree<HostTensor> }),
    };
  }

  #scanPrograms(scan: ScanParts): Promise<ScanPrograms> {
    return compileScan(scan, {
      carry: `carry${this.#samplings++}`,
      weights: { params: this.specs.params, state: this.specs.state },
      store: this.store,
      compile: (body, inputs, more) => this.#compile(body, inputs, more),
    });
  }

  /**
   * Measures every example of a split.
   *
   * @param f Gives one value an example, shape `(B,)` (or `(B, ...)`), from traced tensors; kept as the program's identity, so pass the same function again.
   * @returns Values in the split's order, shape `(n, ...)`.
   */
  async perExample(
    f: (params: any, state: any, batch: Batch, key: Key) => Tensor,
    split: Split,
    { batchSize = this.model.evaluationBatch ?? EVALUATION_BATCH, seed = 0, limit = split.size }: SplitOptions = {},
  ): Promise<HostTensor> {
    const size = Math.min(limit, split.size);
    const rows = Math.min(batchSize, size);
    const body = this.#function(f, (state, { batch }, key) => ({
      outputs: { y: f(state.params, state.state, batch, key) },
    }));
    const program = await this.#compile(body, { batch: batchSpecs(split, rows) } as Tree<TensorSpec>);
    const parts: HostTensor[] = [];
    let chunk = 0;
    for (const { indices, count } of paddedRanges(size, rows)) {
      const { y } = await program.run({ batch: split.gather(indices) }, hostKey(seed, "evaluate", chunk++));
      parts.push(firstRows(y, count));
    }
    return concatRows(parts, size);
  }

  /**
   * Measures every example of a split by a scan; its three parts are compiled once.
   *
   * @returns Values in the split's order, shape `(n, ...)`.
   */
  async perExampleScan(
    scan: MetricScan,
    split: Split,
    { batchSize = this.model.evaluationBatch ?? EVALUATION_BATCH, seed = 0, limit = split.size }: SplitOptions = {},
  ): Promise<HostTensor> {
    const size = Math.min(limit, split.size);
    const rows = Math.min(batchSize, size);
    const whole: Scan<{ batch: Batch }> = {
      ...scan,
      start: (params, state, { batch }, key) => scan.start(params, state, batch, key),
    };
    return concatRows(await this.#runScan(whole, batchCalls(split, size, rows, seed)), size);
  }

  /** One result a call, of a scan that is compiled once; calls have equal shapes. */
  async #runScan(
    scan: Scan<any>,
    calls: Iterable<{ readonly inputs: Tree<HostTensor>; readonly key: Int32Array }>,
  ): Promise<HostTensor[]> {
    let programs: ScanPrograms | undefined;
    const parts: HostTensor[] = [];
    try {
      for (const { inputs, key } of calls) {
        programs ??= await this.#scanPrograms({
          inputSpecs: mapTree(inputs, specOf),
          start: (state, input, key) => scan.start(state.params, state.state, input, key),
          step: (state, carry, i, key) => scan.step(state.params, state.state, carry, i, key),
          finish: (state, carry) => scan.finish(state.params, state.state, carry),
        });
        await programs.start(inputs, key);
        for (let i = 0; i < scan.steps; i++) await programs.step(i, key);
        parts.push(await programs.finish());
      }
    } finally {
      await programs?.clear();
      await programs?.dispose();
    }
    return parts;
  }

  /** What latent space the model has; `undefined` when it has none. */
  get latentSpace(): LatentSpace | undefined {
    const { latent, scanLatent } = this.model;
    if (latent) return { shape: latent.shape, canEncode: latent.encode !== undefined, encodeSteps: 1 };
    return scanLatent && { shape: scanLatent.shape, canEncode: true, encodeSteps: scanLatent.encode.steps };
  }

  /** The most likely latent of every example of a split, shape `(n, ...latent.shape)`. @throws UserError when the model cannot encode. */
  encode(split: Split, options: SplitOptions = {}): Promise<HostTensor> {
    const { scanLatent } = this.model;
    if (scanLatent) return this.perExampleScan(scanLatent.encode, split, options);
    const { encode } = this.#latent();
    if (encode === undefined)
      throw new UserError("@latentkit/core", "this model has no encoder: it cannot encode or reconstruct data");
    return this.perExample(encode, split, options);
  }

  /** Latents drawn from the prior, standard normal. @returns Shape `(n, ...latent.shape)`. @throws UserError when the model has no latent space. */
  drawLatents(n: number, seed = 0): HostTensor {
    const shape = [n, ...(this.latentSpace ?? this.#latent()).shape];
    return hostTensor(philoxNormal(hostKey(seed, "latents"), sizeOf(shape)), shape);
  }

  /**
   * Data of the given latents.
   *
   * @param z Shape `(n, ...latent.shape)`. @param label int32 `(n,)`, for conditional models.
   * @returns Shape `(n, ...datum.shape)`, in the data's own range.
   * @throws UserError when the model has no latent space.
   */
  async decode(z: HostTensor, label?: HostTensor): Promise<HostTensor> {
    const inputs = (label === undefined ? { z } : { z, label }) as Tree<HostTensor>;
    const { scanLatent } = this.model;
    if (scanLatent) {
      const [x] = await this.#runScan(scanLatent.decode, [{ inputs, key: hostKey(0, "decode") }]);
      return x as HostTensor;
    }
    const { decode } = this.#latent();
    const body = this.#function(decode, (state, args) => ({
      outputs: { x: decode(state.params, state.state, args.z, args.label) },
    }));
    const program = await this.#compile(body, mapTree(inputs, specOf));
    return (await program.run(inputs)).x;
  }

  #latent(): Latent {
    const { latent } = this.model;
    if (latent === undefined)
      throw new UserError("@latentkit/core", "this model has no latent space: it cannot encode, decode or interpolate");
    return latent;
  }

  /** Shows a body `{params, state}` whichever weights are used. */
  #function(identity: unknown, body: ProgramFunction): ProgramFunction {
    const known = this.#functions.get(identity);
    if (known !== undefined) return known;
    this.#functions.set(identity, body);
    return body;
  }

  readonly #wrapped = new WeakMap<ProgramFunction, ProgramFunction>();

  #compile(body: ProgramFunction, inputs: Tree<TensorSpec>, more: Record<string, Tree<TensorSpec>> = {}) {
    const wrapped =
      this.#wrapped.get(body) ??
      ((state, args, key) => body({ ...state, params: { ...state.params, ...state.ema } }, args, key));
    this.#wrapped.set(body, wrapped);
    const state = { ...storedWeights(this.model, this.specs, this.weights), state: this.specs.state, ...more };
    return compile(this.engine, wrapped, { state, inputs }, this.store);
  }
}

/** Shapes of the parameters that are used, by their places in the store. */
export function storedWeights(
  model: GenerativeModel,
  { params }: ModelSpecs,
  weights: "params" | "ema",
): { params: Tree<TensorSpec>; ema?: Tree<TensorSpec> } {
  if (weights === "params") return { params };
  const averaged = averagedGroups(model);
  const groups = Object.entries(params as Record<string, Tree<TensorSpec>>);
  const where = (isAveraged: boolean) =>
    Object.fromEntries(groups.filter(([name]) => averaged.includes(name) === isAveraged));
  return { params: where(false), ema: where(true) };
}

const specOf = ({ shape, dtype }: TensorSpec): TensorSpec => ({ shape, dtype });

/** Batches of a split in its order, padded to equal shapes. */
function* batchCalls(split: Split, size: number, rows: number, seed: number) {
  let chunk = 0;
  for (const { indices } of paddedRanges(size, rows)) {
    yield { inputs: { batch: split.gather(indices) } as Tree<HostTensor>, key: hostKey(seed, "evaluate", chunk++) };
  }
}

/** The first `count` rows; the tensor itself when it has no more. */
function firstRows(tensor: HostTensor, count: number): HostTensor {
  const [rows = 0, ...rest] = tensor.shape;
  return rows === count
    ? tensor
    : { ...tensor, shape: [count, ...rest], data: tensor.data.slice(0, count * sizeOf(rest)) };
}

/** Tensors stacked along the first axis and cut to `count` rows. */
function concatRows(parts: readonly HostTensor[], count: number): HostTensor {
  const [first] = parts;
  if (first === undefined) throw new RangeError("concatRows: nothing to concatenate");
  if (parts.length === 1) return firstRows(first, count);
  const rest = first.shape.slice(1);
  const data = new (first.data.constructor as Float32ArrayConstructor)(count * sizeOf(rest));
  let offset = 0;
  for (const part of parts) {
    const fit = part.data.subarray(0, data.length - offset);
    data.set(fit as Float32Array, offset);
    offset += fit.length;
  }
  return { shape: [count, ...rest], dtype: first.dtype, data };
}
