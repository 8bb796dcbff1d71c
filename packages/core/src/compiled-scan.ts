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
import type { Growth, SampleRequest, Sampling } from "./model.js";
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
  readonly growth?: readonly Growth[];
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

/** The programs for a carry of one shape, and how the carry came to have it. */
interface Stage {
  /** The first step that runs in it. */
  readonly at: number;
  /** The carry's name in the store. */
  readonly id: string;
  /** Makes the carry: of the inputs, later of the smaller carry. */
  readonly make: Program;
  readonly step: Program;
  readonly refresh?: Program;
  readonly finish: Program;
}

/** Compiles the parts of a scan. The carry lives in the store under its name until `clear`. */
export async function compileScan(scan: ScanParts, place: ScanPlace): Promise<ScanPrograms> {
  const { store } = place;
  const stages = await compileStages(scan, place);
  const clear = (id: string) =>
    store.delete([...store.specs().keys()].filter((path) => path.startsWith(`${id}.`) || path === id));
  let at = 0;
  const current = () => stages[at] as Stage;
  /** Grows the carry where a step needs it; runs are queued in order, so the step need not wait for it. */
  const enter = (i: number) => {
    if (stages[at + 1]?.at !== i) return;
    const { id } = current();
    at++;
    current()
      .make.run({})
      .then(() => clear(id))
      .catch(() => {}); // the step behind it fails too
  };
  const number = (i: number) => ({ i: hostTensor([i], [], "int32") });
  return {
    start: (inputs, key) => {
      at = 0;
      return current().make.run(inputs, key);
    },
    step: (i, key) => {
      enter(i);
      return current().step.run(number(i), key);
    },
    refresh: async (i, key) => current().refresh?.run(number(i), key),
    finish: async () => (await current().finish.run({})).x,
    clear: async () => {
      for (const { id } of stages) await clear(id);
    },
    dispose: async () => {
      for (const { make, step, refresh, finish } of stages) {
        for (const program of [make, step, refresh, finish]) await program?.dispose();
      }
    },
  };
}

async function compileStages(scan: ScanParts, { carry: name, weights, compile }: ScanPlace): Promise<Stage[]> {
  const start = (state: unknown, inputs: unknown, key: Key) => scan.start(state, inputs, fold(key, "start"));
  const shapes = { weights, inputs: scan.inputSpecs } as Tree<TensorSpec>;
  let carry = evalShape(({ weights, inputs }, key) => start(weights, inputs, key), shapes);
  const number = { i: { shape: [], dtype: "int32" } } as Tree<TensorSpec>;
  const rest = async (id: string) => {
    const { step, refresh, finish } = bodiesOf(scan, id);
    return {
      step: await compile(step, number, { [id]: carry }),
      finish: await compile(finish, {}, { [id]: carry }),
      ...(scan.refresh && { refresh: await compile(refresh, number, { [id]: carry }) }),
    };
  };
  const make = await compile(
    (state, inputs, key) => ({ state: { [name]: start(state, inputs, key) } }),
    scan.inputSpecs,
  );
  const stages: Stage[] = [{ at: 0, id: name, make, ...(await rest(name)) }];
  for (const { at, grow } of scan.growth ?? []) {
    const from = stages.at(-1)?.id as string;
    const id = `${name}-${at}`;
    const grown = await compile((state) => ({ state: { [id]: grow(state[from]) } }), {}, { [from]: carry });
    carry = evalShape((smaller) => grow(smaller), carry);
    stages.push({ at, id, make: grown, ...(await rest(id)) });
  }
  return stages;
}

/** What runs on a carry, whatever its shape. @param id Its name in the store. */
function bodiesOf(scan: ScanParts, id: string): Record<"step" | "refresh" | "finish", ProgramFunction> {
  return {
    step: (state, { i }, key) => {
      const after = scan.step(state, state[id], i, fold(key, "step", i));
      return {
        state: { [id]: after },
        outputs: {
          ...(scan.done === undefined ? {} : { done: scan.done(after) }),
          ...(scan.everyStep ? { x: scan.finish(state, after) } : {}),
        },
      };
    },
    refresh: (state, { i }, key) => ({
      state: { [id]: scan.refresh?.(state, state[id], i, fold(key, "refresh", i)) as TensorTree },
    }),
    finish: (state) => ({ outputs: { x: scan.finish(state, state[id]) } }),
  };
}

/** A sampler's parts as the engine compiles them. */
export function samplingParts(
  { start, step, refresh, growth, done, finish }: Sampling,
  asked: (args: any) => SampleRequest,
): Omit<ScanParts, "inputSpecs"> {
  return {
    start: ({ params, state }, args, key) => start(params, state, key, asked(args)),
    step: ({ params, state }, carry, i, key) => step?.(params, state, carry, i, key) as TensorTree,
    ...(refresh && {
      refresh: ({ params, state }: any, carry: any, i: Tensor, key: Key) => refresh.step(params, state, carry, i, key),
    }),
    ...(growth && { growth }),
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
