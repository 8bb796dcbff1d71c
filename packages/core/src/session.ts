import {
  compile,
  type Engine,
  evalShape,
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
import type { Split } from "./data.js";
import type { Batch, GenerativeModel, MetricScan, SampleRequest, Sampling, TensorTree } from "./model.js";
import { batchSpecs, type ModelSpecs } from "./model-specs.js";
import { averagedGroups } from "./train-step.js";

/** What a caller asks of a sampler. */
export interface SampleOptions {
  readonly n: number;
  /** Same seed, same samples. 0 when absent. */
  readonly seed?: number;
  /** A class for every sample, or one for all. */
  readonly label?: number | readonly number[];
  /** The model's own sampling options. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** What samples are to follow, by the model's own names: `prompt`, `source`. One row for all samples, or one for each. */
  readonly inputs?: Readonly<Record<string, HostTensor>>;
}

/** One step of a sampling scan as it streams. */
export interface SampleFrame {
  /** Steps done, 0 to `steps`. */
  readonly step: number;
  readonly steps: number;
  /** What `finish` makes of the carry at this point, shape `(n, ...datum.shape)`. */
  readonly x: HostTensor;
}

/** How a split is read in batches. */
export interface SplitOptions {
  /** Examples a call; 250 when absent. */
  readonly batchSize?: number;
  readonly seed?: number;
  /** Use only the first so many examples. */
  readonly limit?: number;
}

const MAX_SAMPLES_A_CALL = 256;
/** Scans whose programs stay compiled for the next request like theirs. */
const MAX_IDLE_SCANS = 4;

/** The parts of a scan over traced tensors: weights and state, the carry, a step number. */
interface Scan {
  readonly inputSpecs: Tree<TensorSpec>;
  start(state: any, inputs: any, key: Key): TensorTree;
  step(state: any, carry: any, i: Tensor, key: Key): TensorTree;
  refresh?(state: any, carry: any, i: Tensor, key: Key): TensorTree;
  done?(carry: any): Tensor;
  finish(state: any, carry: any): Tensor;
  /** Whether a step also gives what `finish` makes of it. */
  readonly everyStep?: boolean;
}

/** What a step tells the host. */
interface StepOutputs {
  readonly done?: HostTensor;
  readonly x?: HostTensor;
}

/** The parts of a scan, compiled. */
interface ScanPrograms {
  start(inputs: Tree<HostTensor>, key: Int32Array): Promise<unknown>;
  step(i: number, key: Int32Array): Promise<StepOutputs>;
  refresh(i: number, key: Int32Array): Promise<unknown>;
  finish(): Promise<HostTensor>;
  /** Frees the carry. */
  clear(): Promise<void>;
  dispose(): Promise<void>;
}

/** Inputs without values do not reach a program. */
const withGiven = (args: any) => ({ given: {}, ...args });

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
   * @returns Samples in the data's own range, shape `(n, ...datum.shape)`.
   * @throws UserError when `n` or a label is impossible.
   */
  async sample(request: SampleOptions): Promise<HostTensor> {
    checkCount(request.n);
    const parts: HostTensor[] = [];
    for (const [chunk, options] of chunks(request).entries()) {
      for await (const frame of this.#scan(options, chunk, false)) parts.push(frame.x);
    }
    return concatRows(parts, request.n);
  }

  /** Every step of the scan; the last frame holds the samples. @throws UserError when `n` is not from 1 to 256, or a label is impossible. */
  sampleStream(request: SampleOptions): AsyncIterable<SampleFrame> {
    checkCount(request.n);
    if (request.n > MAX_SAMPLES_A_CALL) {
      throw new UserError("@latentkit/core", `sampleStream: n must be at most ${MAX_SAMPLES_A_CALL}, got ${request.n}`);
    }
    return this.#scan(request, 0, true);
  }

  async *#scan(request: SampleOptions, chunk: number, everyStep: boolean): AsyncGenerator<SampleFrame> {
    const { n, seed = 0, options = {}, inputs: given = {} } = request;
    const label = labelTensor(request, this.model.datum.classes);
    this.model.checkInputs?.(given);
    const sampling = this.model.sampling({ n, options, inputs: mapTree(given as never, specOf) as never });
    const inputs = { ...(label === undefined ? {} : { label }), given } as Tree<HostTensor>;
    const inputSpecs = mapTree(inputs, specOf);
    const asked = (args: { label?: Tensor; given: Record<string, Tensor> }): SampleRequest => ({
      n,
      options,
      ...(args.label ? { label: args.label } : {}),
      ...(Object.keys(given).length > 0 ? { inputs: args.given } : {}),
    });
    const signature = JSON.stringify([n, options, flatten(inputSpecs)]);
    const key = hostKey(seed, "sample", chunk);
    if (sampling.steps === 0 || sampling.step === undefined) {
      const once = this.#function(`sample ${signature}`, (state, args, traced) => ({
        outputs: {
          x: sampling.finish(
            state.params,
            state.state,
            sampling.start(state.params, state.state, fold(traced, "start"), asked(withGiven(args))),
          ),
        },
      }));
      const program = await this.#compile(once, inputSpecs);
      const { x } = await program.run(inputs, key);
      yield { step: 0, steps: 0, x };
      return;
    }
    yield* this.#steps(sampling, { asked, inputs, inputSpecs, key, everyStep, signature });
  }

  async *#steps(
    sampling: Sampling,
    scan: {
      asked: (args: any) => SampleRequest;
      inputs: Tree<HostTensor>;
      inputSpecs: Tree<TensorSpec>;
      key: Int32Array;
      everyStep: boolean;
      signature: string;
    },
  ): AsyncGenerator<SampleFrame> {
    const { steps, refresh } = sampling;
    const { inputs, key, everyStep } = scan;
    const name = `${scan.signature} ${everyStep}`;
    const programs =
      this.#takeIdle(name) ??
      (await this.#scanPrograms({
        inputSpecs: scan.inputSpecs,
        start: (state, args, traced) => sampling.start(state.params, state.state, traced, scan.asked(withGiven(args))),
        step: (state, carry, i, traced) => sampling.step?.(state.params, state.state, carry, i, traced) as TensorTree,
        ...(refresh === undefined
          ? {}
          : {
              refresh: (state: any, carry: any, i: Tensor, traced: Key) =>
                refresh.step(state.params, state.state, carry, i, traced),
            }),
        ...(sampling.done === undefined ? {} : { done: (carry: any) => sampling.done?.(carry) as Tensor }),
        finish: (state, carry) => sampling.finish(state.params, state.state, carry),
        everyStep,
      }));
    try {
      await programs.start(inputs, key);
      if (everyStep) yield { step: 0, steps, x: await programs.finish() };
      let pending: Promise<StepOutputs> | undefined; // one step ahead, so that the host's part of a step costs no time
      for (let i = 0; i < steps; i++) {
        if (refresh?.due(i)) programs.refresh(i, key).catch(() => {}); // the step behind it fails too
        const next = programs.step(i, key);
        next.catch(() => {}); // reported when awaited below
        const before = await (everyStep ? next : pending);
        if (everyStep) yield { step: i + 1, steps, x: before?.x as HostTensor };
        if (before?.done?.data[0]) break;
        pending = next;
      }
      await pending;
      if (!everyStep) yield { step: steps, steps, x: await programs.finish() };
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

  /** Compiles the parts of a scan. The carry lives in the store under a name of its own until `clear`. */
  async #scanPrograms(scan: Scan): Promise<ScanPrograms> {
    const id = `carry${this.#samplings++}`;
    const start: ProgramFunction = (state, inputs, key) => ({
      state: { [id]: scan.start(state, inputs, fold(key, "start")) },
    });
    const carry = evalShape(({ weights, inputs }, key) => scan.start(weights, inputs, key), {
      weights: this.#weightSpecs(),
      inputs: scan.inputSpecs,
    } as Tree<TensorSpec>);
    const finish: ProgramFunction = (state) => ({ outputs: { x: scan.finish(state, state[id]) } });
    const step: ProgramFunction = (state, { i }, key) => {
      const after = scan.step(state, state[id], i, fold(key, "step", i));
      return {
        state: { [id]: after },
        outputs: {
          ...(scan.done === undefined ? {} : { done: scan.done(after) }),
          ...(scan.everyStep ? { x: scan.finish(state, after) } : {}),
        },
      };
    };
    const refresh: ProgramFunction = (state, { i }, key) => ({
      state: { [id]: scan.refresh?.(state, state[id], i, fold(key, "refresh", i)) as TensorTree },
    });
    const number = { i: { shape: [], dtype: "int32" } } as Tree<TensorSpec>;
    const compiled = {
      start: await this.#compile(start, scan.inputSpecs),
      step: await this.#compile(step, number, { [id]: carry }),
      finish: await this.#compile(finish, {}, { [id]: carry }),
      ...(scan.refresh === undefined ? {} : { refresh: await this.#compile(refresh, number, { [id]: carry }) }),
    };
    return {
      start: (inputs, key) => compiled.start.run(inputs, key),
      step: (i, key) => compiled.step.run({ i: hostTensor([i], [], "int32") }, key),
      refresh: async (i, key) => compiled.refresh?.run({ i: hostTensor([i], [], "int32") }, key),
      finish: async () => (await compiled.finish.run({})).x,
      clear: async () => {
        const paths = [...this.store.specs().keys()].filter((path) => path.startsWith(`${id}.`) || path === id);
        await this.store.delete(paths);
      },
      dispose: async () => {
        for (const program of Object.values(compiled)) await program.dispose();
      },
    };
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
    { batchSize = 250, seed = 0, limit = split.size }: SplitOptions = {},
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
    { batchSize = 250, seed = 0, limit = split.size }: SplitOptions = {},
  ): Promise<HostTensor> {
    const size = Math.min(limit, split.size);
    const rows = Math.min(batchSize, size);
    const programs = await this.#scanPrograms({
      inputSpecs: { batch: batchSpecs(split, rows) } as Tree<TensorSpec>,
      start: (state, { batch }, key) => scan.start(state.params, state.state, batch, key),
      step: (state, carry, i, key) => scan.step(state.params, state.state, carry, i, key),
      finish: (state, carry) => scan.finish(state.params, state.state, carry),
    });
    const parts: HostTensor[] = [];
    let chunk = 0;
    try {
      for (const { indices, count } of paddedRanges(size, rows)) {
        const key = hostKey(seed, "evaluate", chunk++);
        await programs.start({ batch: split.gather(indices) }, key);
        for (let i = 0; i < scan.steps; i++) await programs.step(i, key);
        parts.push(firstRows(await programs.finish(), count));
      }
    } finally {
      await programs.clear();
      await programs.dispose();
    }
    return concatRows(parts, size);
  }

  /** The most likely latent of every example of a split, shape `(n, ...latent.shape)`. @throws UserError when the model cannot encode. */
  encode(split: Split, options: SplitOptions = {}): Promise<HostTensor> {
    const { encode } = this.#latent();
    if (encode === undefined)
      throw new UserError("@latentkit/core", "this model has no encoder: it cannot encode or reconstruct data");
    return this.perExample(encode, split, options);
  }

  /** Latents drawn from the prior, standard normal. @returns Shape `(n, ...latent.shape)`. @throws UserError when the model has no latent space. */
  drawLatents(n: number, seed = 0): HostTensor {
    const shape = [n, ...this.#latent().shape];
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
    const { decode } = this.#latent();
    const body = this.#function(decode, (state, args) => ({
      outputs: { x: decode(state.params, state.state, args.z, args.label) },
    }));
    const inputs = label === undefined ? { z } : { z, label };
    const program = await this.#compile(body, mapTree(inputs as Tree<HostTensor>, specOf));
    return (await program.run(inputs)).x;
  }

  #latent(): NonNullable<GenerativeModel["latent"]> {
    const { latent } = this.model;
    if (latent === undefined)
      throw new UserError("@latentkit/core", "this model has no latent space: it cannot encode, decode or interpolate");
    return latent;
  }

  #weightSpecs(): Tree<TensorSpec> {
    return { params: this.specs.params, state: this.specs.state };
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

function checkCount(n: number): void {
  if (!Number.isSafeInteger(n) || n < 1)
    throw new UserError("@latentkit/core", `n must be a whole number from 1, got ${n}`);
}

function chunks(request: SampleOptions): SampleOptions[] {
  const { n, label } = request;
  if (n <= MAX_SAMPLES_A_CALL) return [request];
  const starts = Array.from({ length: Math.ceil(n / MAX_SAMPLES_A_CALL) }, (_, i) => i * MAX_SAMPLES_A_CALL);
  return starts.map((start) => {
    const labels = Array.isArray(label) ? padded(label.slice(start, start + MAX_SAMPLES_A_CALL)) : label;
    const inputs = Object.entries(request.inputs ?? {}).map(([name, x]) => [name, rowsFrom(x, n, start)]);
    return {
      ...request,
      n: MAX_SAMPLES_A_CALL,
      ...(labels === undefined ? {} : { label: labels }),
      ...(request.inputs === undefined ? {} : { inputs: Object.fromEntries(inputs) }),
    };
  });
}

/** The rows of one call, the last one repeated where there are too few; an input for all samples as it is. */
function rowsFrom(x: HostTensor, n: number, start: number): HostTensor {
  const [rows = 0, ...rest] = x.shape;
  if (rows !== n) return x;
  const width = sizeOf(rest);
  const data = x.data.slice(0, MAX_SAMPLES_A_CALL * width);
  for (let i = 0; i < MAX_SAMPLES_A_CALL; i++) {
    const row = Math.min(start + i, n - 1);
    data.set(x.data.subarray(row * width, (row + 1) * width) as never, i * width);
  }
  return { ...x, shape: [MAX_SAMPLES_A_CALL, ...rest], data };
}

const padded = (labels: readonly number[]): number[] =>
  Array.from({ length: MAX_SAMPLES_A_CALL }, (_, i) => labels[Math.min(i, labels.length - 1)] as number);

function labelTensor({ n, label }: SampleOptions, classes: number | undefined): HostTensor | undefined {
  if (label === undefined) return undefined;
  const labels = typeof label === "number" ? Array.from({ length: n }, () => label) : label;
  if (classes === undefined)
    throw new UserError("@latentkit/core", "label was given, but the model was trained on data without labels");
  if (labels.length !== n)
    throw new UserError("@latentkit/core", `${labels.length} labels were given for n = ${n} samples; give one, or n`);
  const bad = labels.find((value) => !Number.isInteger(value) || value < 0 || value >= classes);
  if (bad !== undefined)
    throw new UserError("@latentkit/core", `label must be a whole number from 0 to ${classes - 1}, got ${bad}`);
  return hostTensor(labels, [n], "int32");
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
