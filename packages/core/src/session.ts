import {
  compile,
  type Engine,
  evalShape,
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

/** A model's weights on an engine: sample, encode, decode, measure. Programs are compiled on first use and kept. */
export class Session {
  readonly #functions = new Map<unknown, ProgramFunction>();
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
    const { n, seed = 0, options = {} } = request;
    const label = labelTensor(request, this.model.datum.classes);
    const sampling = this.model.sampling({ n, options });
    const inputs = label === undefined ? {} : { label };
    const inputSpecs = mapTree(inputs as Tree<HostTensor>, specOf);
    const asked = (args: { label?: Tensor }): SampleRequest => ({
      n,
      options,
      ...(args.label ? { label: args.label } : {}),
    });
    const signature = JSON.stringify([n, options, Object.keys(inputs)]);
    const startKey = (key: Key) => fold(key, "start");
    if (sampling.steps === 0 || sampling.step === undefined) {
      const once = this.#function(`sample ${signature}`, (state, args, key) => ({
        outputs: {
          x: sampling.finish(
            state.params,
            state.state,
            sampling.start(state.params, state.state, startKey(key), asked(args)),
          ),
        },
      }));
      const program = await this.#compile(once, inputSpecs);
      const { x } = await program.run(inputs, hostKey(seed, "sample", chunk));
      yield { step: 0, steps: 0, x };
      return;
    }
    yield* this.#steps(sampling, {
      asked,
      inputs,
      inputSpecs,
      key: hostKey(seed, "sample", chunk),
      everyStep,
    });
  }

  async *#steps(
    sampling: Sampling,
    scan: {
      asked: (args: { label?: Tensor }) => SampleRequest;
      inputs: Tree<HostTensor>;
      inputSpecs: Tree<TensorSpec>;
      key: Int32Array;
      everyStep: boolean;
    },
  ): AsyncGenerator<SampleFrame> {
    const programs = await this.#scanPrograms({
      inputSpecs: scan.inputSpecs,
      start: (state, args, key) => sampling.start(state.params, state.state, key, scan.asked(args)),
      step: (state, carry, i, key) => sampling.step?.(state.params, state.state, carry, i, key) as TensorTree,
      finish: (state, carry) => sampling.finish(state.params, state.state, carry),
    });
    try {
      await programs.start(scan.inputs, scan.key);
      for (let i = 0; i <= sampling.steps; i++) {
        if (scan.everyStep || i === sampling.steps) {
          yield { step: i, steps: sampling.steps, x: await programs.finish() };
        }
        if (i < sampling.steps) await programs.step(i, scan.key);
      }
    } finally {
      await programs.dispose();
    }
  }

  /** Compiles the parts of a scan. The carry lives in the store under a name of its own until `dispose`. */
  async #scanPrograms(scan: {
    readonly inputSpecs: Tree<TensorSpec>;
    start(state: any, inputs: any, key: Key): TensorTree;
    step(state: any, carry: any, i: Tensor, key: Key): TensorTree;
    finish(state: any, carry: any): Tensor;
  }) {
    const id = `carry${this.#samplings++}`;
    const start: ProgramFunction = (state, inputs, key) => ({
      state: { [id]: scan.start(state, inputs, fold(key, "start")) },
    });
    const carry = evalShape(({ weights, inputs }, key) => scan.start(weights, inputs, key), {
      weights: this.#weightSpecs(),
      inputs: scan.inputSpecs,
    } as Tree<TensorSpec>);
    const step: ProgramFunction = (state, { i }, key) => ({
      state: { [id]: scan.step(state, state[id], i, fold(key, "step", i)) },
    });
    const finish: ProgramFunction = (state) => ({ outputs: { x: scan.finish(state, state[id]) } });
    const programs = [
      await this.#compile(start, scan.inputSpecs),
      await this.#compile(step, { i: { shape: [], dtype: "int32" } }, { [id]: carry }),
      await this.#compile(finish, {}, { [id]: carry }),
    ] as const;
    return {
      start: (inputs: Tree<HostTensor>, key: Int32Array) => programs[0].run(inputs, key),
      step: (i: number, key: Int32Array) => programs[1].run({ i: hostTensor([i], [], "int32") }, key),
      finish: async (): Promise<HostTensor> => (await programs[2].run({})).x,
      dispose: async () => {
        for (const program of programs) await program.dispose();
        const paths = [...this.store.specs().keys()].filter((path) => path.startsWith(`${id}.`) || path === id);
        await this.store.delete(paths);
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
    return { ...request, n: MAX_SAMPLES_A_CALL, ...(labels === undefined ? {} : { label: labels }) };
  });
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
