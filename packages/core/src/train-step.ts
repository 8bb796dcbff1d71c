import {
  evalShape,
  flatten,
  fold,
  type HostTensor,
  hostTensor,
  type Key,
  mapTree,
  type ProgramFunction,
  type TensorSpec,
  type Tree,
} from "@latentkit/jit";
import { add, cast, div, engine, keep, maximum, mul, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { Batch, GenerativeModel, LossContext, LossResult, Objective } from "./model.js";
import type { ModelSpecs } from "./model-specs.js";
import {
  emaUpdate,
  type GuardState,
  guard,
  guardInit,
  type Optimizer,
  type OptState,
  optimizerFromConfig,
  type StepCount,
  selectTree,
} from "./optim/index.js";
import type { TensorTree } from "./tensor-tree.js";
import { objectiveOptimizer, type StepConfig } from "./train-config.js";

type Branches = Record<string, TensorTree>;

/** Everything a training step reads and replaces; the paths are those of checkpoints. */
interface TrainState {
  readonly params: Branches;
  readonly state: Branches;
  /** By objective. */
  readonly optimizer: Record<string, OptState>;
  /** Moving average of the groups of `params` that have one; absent when `emaDecay` is 0. */
  readonly ema?: Branches;
  /** Refused updates by objective. */
  readonly guard: Record<string, GuardState>;
}

interface StepInputs {
  readonly batch: Batch;
  /** int32 scalar. */
  readonly step: Tensor;
  /** Length of the run, int32 scalar: schedules follow it, so that one program serves runs of any length. */
  readonly steps: Tensor;
}

/** Shapes of a training step's inputs. @param batch Those of the data. */
export function stepInputSpecs(batch: Record<string, TensorSpec>): Tree<TensorSpec> {
  const number = { shape: [], dtype: "int32" } as const;
  return { batch, step: number, steps: number } as unknown as Tree<TensorSpec>;
}

/** What step `t` of a run of `steps` is given. */
export function stepInputs(batch: Record<string, HostTensor>, t: number, steps: number): Tree<HostTensor> {
  const [step, all] = [t, steps].map((number) => hostTensor([number], [], "int32"));
  return { batch, step, steps: all } as unknown as Tree<HostTensor>;
}

/** An objective as it runs on a step. */
export interface ActiveObjective {
  readonly objective: Objective;
  /** Whether its lazy term is added. */
  readonly lazy: boolean;
}

/** The objectives that run on step `t`. */
export function activeObjectives(model: GenerativeModel, t: number): ActiveObjective[] {
  return model.objectives
    .filter(({ every = 1 }) => t % every === 0)
    .map((objective) => ({ objective, lazy: objective.lazy !== undefined && t % objective.lazy.every === 0 }));
}

/** The parameter groups whose moving average is kept. */
export function averagedGroups(model: GenerativeModel): string[] {
  const averaged = model.objectives.filter(({ average = true }) => average);
  return [...new Set(averaged.flatMap(({ trains }) => trains))];
}

/** The program that makes a run's first state from its first batch. */
export function initialState(model: GenerativeModel, config: StepConfig): ProgramFunction {
  return (_state, { batch }: { batch: Batch }, key) => {
    const { params, state } = model.init(key, batch) as { params: Branches; state: Branches };
    return { state: { params, state, ...trainingExtras(model, params, config) } as never };
  };
}

/** What training keeps besides the model: optimizer state, moving average, guard counts. */
function trainingExtras(
  model: GenerativeModel,
  params: Branches,
  config: StepConfig,
): Omit<TrainState, "params" | "state"> {
  const byObjective = <T>(make: (objective: Objective) => T) =>
    Object.fromEntries(model.objectives.map((objective) => [objective.name, make(objective)]));
  return {
    optimizer: byObjective(({ name, trains }) => optimizerOf(config, name, config.steps).init(pick(params, trains))),
    guard: byObjective(guardInit),
    ...(config.emaDecay > 0 ? { ema: pick(params, averagedGroups(model)) } : {}),
  };
}

/** Shapes of the whole training state. */
export function trainStateSpecs(model: GenerativeModel, specs: ModelSpecs, config: StepConfig): Tree<TensorSpec> {
  const extras = evalShape(({ params }) => trainingExtras(model, params, config) as never, {
    params: specs.params,
  } as Tree<TensorSpec>);
  return { params: specs.params, state: specs.state, ...(extras as object) } as Tree<TensorSpec>;
}

/**
 * One update of every active objective in order: loss, gradients, guard, optimizer; then the moving average.
 * An update whose loss or gradients are not finite leaves everything but the guard's counts as it was.
 */
export function trainStep(
  model: GenerativeModel,
  active: readonly ActiveObjective[],
  config: StepConfig,
): ProgramFunction {
  return (before: TrainState, { batch, ...time }: StepInputs, key) => {
    let now: TrainState = { ...before, state: before.state ?? {} };
    const metrics: Record<string, Tensor> = {};
    for (const { objective, lazy } of active) {
      const result = update({ objective, lazy }, now, { batch, ...time }, fold(key, objective.name), config);
      now = result.next;
      const prefix = model.objectives.length > 1 ? `${objective.name}/` : "";
      for (const [name, value] of Object.entries(result.metrics)) metrics[`${prefix}${name}`] = value;
    }
    const skipped = Object.values(now.guard).map((counts) => counts.skippedInARow);
    return { state: now as never, outputs: { ...metrics, skippedInRow: skipped.reduce((a, b) => maximum(a, b)) } };
  };
}

function update(
  { objective, lazy }: ActiveObjective,
  now: TrainState,
  { batch, step, steps }: StepInputs,
  key: Key,
  config: StepConfig,
): { next: TrainState; metrics: Record<string, Tensor> } {
  const { name, trains, average = true } = objective;
  const params = pick(now.params, trains);
  const loss = lazy ? withLazyTerm(objective) : objective.loss.bind(objective);
  const progress = div(cast(step, "float32"), cast(steps, "float32"));
  const { result, grads } = lossAndGradients({ name, loss }, now, params, batch, { key, step, progress });
  const { maxGradNorm } = config;
  const verdict = guard(
    result.loss,
    grads,
    now.guard[name] as GuardState,
    maxGradNorm === undefined ? {} : { maxGradNorm },
  );
  const stepped = optimizerOf(config, name, steps).step(params, grads, now.optimizer[name] as OptState, { step });
  const ema =
    average && now.ema
      ? emaUpdate(pick(now.ema, trains), stepped.params as Branches, step, { decay: config.emaDecay })
      : undefined;
  const changed = {
    params: { ...now.params, ...(stepped.params as Branches) },
    state: (result.state ?? now.state) as Branches,
    optimizer: { ...now.optimizer, [name]: stepped.state },
    ...(now.ema ? { ema: { ...now.ema, ...ema } } : {}),
  };
  const { guard: counts, ...old } = now;
  const next = selectTree(verdict.ok, changed as TensorTree, old as unknown as TensorTree) as unknown as TrainState;
  return {
    next: { ...next, guard: { ...counts, [name]: verdict.state } },
    metrics: { loss: result.loss, ...result.metrics, gradNorm: verdict.gradNorm, skipped: verdict.state.skipped },
  };
}

function optimizerOf(config: StepConfig, objective: string, steps: StepCount): Optimizer {
  return optimizerFromConfig(objectiveOptimizer(config, objective), steps);
}

/** The objective's loss with its lazy term, scaled by the interval. */
function withLazyTerm({ loss, lazy }: Objective): Objective["loss"] {
  if (lazy === undefined) return loss;
  return (params, state, batch, context) => {
    const main = loss(params, state, batch, context);
    const term = lazy.loss(params, state, batch, context);
    return {
      ...main,
      loss: add(main.loss, mul(term.loss, lazy.every)),
      metrics: { ...main.metrics, ...term.metrics },
    };
  };
}

/**
 * The loss and its gradients for the groups that the objective trains.
 *
 * @throws Error naming the parameter that the loss does not depend on.
 */
function lossAndGradients(
  objective: Pick<Objective, "name" | "loss">,
  now: TrainState,
  params: Branches,
  batch: Batch,
  context: LossContext,
): { result: LossResult<Branches>; grads: TensorTree } {
  const leaves = flatten(params as TensorTree);
  let result: LossResult<Branches> | undefined;
  const f = (): Scalar => {
    result = objective.loss(now.params, now.state, batch, context) as LossResult<Branches>;
    for (const [, tensor] of flatten([result.state ?? {}, result.metrics ?? {}] as TensorTree)) keep(tensor);
    return result.loss as Scalar;
  };
  const { value, grads } = engine().gradients(
    f,
    leaves.map(([, tensor]) => tensor),
    undefined,
    true,
  );
  const missing = leaves.findIndex((_, i) => grads[i] == null);
  if (missing >= 0) {
    const path = leaves[missing]?.[0];
    throw new Error(
      `objective "${objective.name}" trains ${path}, but its loss does not depend on it; use it or take it out of \`trains\``,
    );
  }
  const byPath = new Map(leaves.map(([path], i) => [path, grads[i] as Tensor]));
  const tree = mapTree(params as TensorTree, (_, path) => byPath.get(path) as Tensor);
  return { result: { ...(result as LossResult<Branches>), loss: value }, grads: tree };
}

function pick(tree: Branches, names: readonly string[]): Branches {
  return Object.fromEntries(names.map((name) => [name, tree[name] as TensorTree]));
}
