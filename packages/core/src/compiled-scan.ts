import {
  evalShape,
  fold,
  type HostTensor,
  hostTensor,
  type Key,
  type Program,
  type ProgramFunction,
  type Store,
  type TensorSpec,
  type Tree,
} from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { SampleRequest, Sampling } from "./model.js";
import type { TensorTree } from "./tensor-tree.js";

/** One step of a sampling scan as it streams. */
export interface SampleFrame {
  /** Steps done, 0 to `steps`. */
  readonly step: number;
  readonly steps: number;
  /** What `finish` makes of the carry at this point, shape `(n, ...datum.shape)`. */
  readonly x: HostTensor;
}

/** The parts of a scan over traced tensors: weights and state, the carry, a step number. */
export interface ScanParts {
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
export interface ScanPrograms {
  start(inputs: Tree<HostTensor>, key: Int32Array): Promise<unknown>;
  step(i: number, key: Int32Array): Promise<StepOutputs>;
  refresh(i: number, key: Int32Array): Promise<unknown>;
  finish(): Promise<HostTensor>;
  /** Frees the carry. */
  clear(): Promise<void>;
  dispose(): Promise<void>;
}

/** Where the programs of a scan find what they need. */
export interface ScanPlace {
  /** The carry's name in the store, of no other scan. */
  readonly carry: string;
  /** Shapes of the parameters and the state that the parts see. */
  readonly weights: Tree<TensorSpec>;
  readonly store: Store;
  /** @param more What the store holds besides the weights. */
  compile(body: ProgramFunction, inputs: Tree<TensorSpec>, more?: Record<string, Tree<TensorSpec>>): Promise<Program>;
}

/** Compiles the parts of a scan. The carry lives in the store under its name until `clear`. */
export async function compileScan(
  scan: ScanParts,
  { carry: id, weights, store, compile }: ScanPlace,
): Promise<ScanPrograms> {
  const start: ProgramFunction = (state, inputs, key) => ({
    state: { [id]: scan.start(state, inputs, fold(key, "start")) },
  });
  const carry = evalShape(({ weights, inputs }, key) => scan.start(weights, inputs, key), {
    weights,
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
    start: await compile(start, scan.inputSpecs),
    step: await compile(step, number, { [id]: carry }),
    finish: await compile(finish, {}, { [id]: carry }),
    ...(scan.refresh === undefined ? {} : { refresh: await compile(refresh, number, { [id]: carry }) }),
  };
  return {
    start: (inputs, key) => compiled.start.run(inputs, key),
    step: (i, key) => compiled.step.run({ i: hostTensor([i], [], "int32") }, key),
    refresh: async (i, key) => compiled.refresh?.run({ i: hostTensor([i], [], "int32") }, key),
    finish: async () => (await compiled.finish.run({})).x,
    clear: async () => {
      const paths = [...store.specs().keys()].filter((path) => path.startsWith(`${id}.`) || path === id);
      await store.delete(paths);
    },
    dispose: async () => {
      for (const program of Object.values(compiled)) await program.dispose();
    },
  };
}

/** A sampler's parts as the engine compiles them. */
export function samplingParts(
  { start, step, refresh, done, finish }: Sampling,
  asked: (args: any) => SampleRequest,
): Omit<ScanParts, "inputSpecs"> {
  return {
    start: ({ params, state }, args, key) => start(params, state, key, asked(args)),
    step: ({ params, state }, carry, i, key) => step?.(params, state, carry, i, key) as TensorTree,
    ...(refresh && {
      refresh: ({ params, state }: any, carry: any, i: Tensor, key: Key) => refresh.step(params, state, carry, i, key),
    }),
    ...(done && { done }),
    finish: ({ params, state }, carry) => finish(params, state, carry),
  };
}

/** One pass through a compiled scan; ends early when the sampler says so. */
export async function* runSteps(
  programs: ScanPrograms,
  { steps, refresh }: Sampling,
  inputs: Tree<HostTensor>,
  key: Int32Array,
  everyStep: boolean,
): AsyncGenerator<SampleFrame> {
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
}
