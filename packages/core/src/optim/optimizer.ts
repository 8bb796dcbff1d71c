import * as tf from "@tensorflow/tfjs-core";
import type { TensorTree } from "../tensor-tree.js";
import type { Schedule } from "./schedule.js";

/** What an optimizer remembers: a tree with stable names (`count`, `m.encoder.fc1.kernel`, …), so that checkpoints can hold it. */
export type OptState = Readonly<Record<string, TensorTree>>;

/** What a step depends on besides parameters and gradients. */
export interface StepContext {
  /** Number of the training step from 0, int32 scalar: the argument of schedules. */
  readonly step: tf.Tensor;
  /** bool scalar; when false, parameters and state come back bit for bit as they were, whatever the gradients hold. Absent: true. */
  readonly apply?: tf.Tensor | undefined;
}

/** Parameters and optimizer state of the next step. */
export interface Stepped {
  readonly params: TensorTree;
  readonly state: OptState;
}

/**
 * A pair of pure functions that is traced into the training step.
 *
 * `step` returns new parameters, not an update to add: optimizers whose rule is one fused kernel for parameter and moments
 * (`adamUpdate`) then need no extra pass over memory. What changes gradients first is a {@link GradientTransform}.
 */
export interface Optimizer {
  init(params: TensorTree): OptState;
  /** @param grads Tensors at the same paths as `params`. */
  step(params: TensorTree, grads: TensorTree, state: OptState, context: StepContext): Stepped;
}

/** A change of the gradients before the optimizer sees them: clipping, noise, centring. */
export interface GradientTransform {
  /** Where its state stands among that of the chain; transforms without state need no different names. */
  readonly name: string;
  init(params: TensorTree): OptState;
  update(
    grads: TensorTree,
    state: OptState,
    params: TensorTree,
    context: StepContext,
  ): { grads: TensorTree; state: OptState };
}

/** A transform without state. */
export function gradientTransform(
  name: string,
  update: (grads: TensorTree, params: TensorTree, context: StepContext) => TensorTree,
): GradientTransform {
  return {
    name,
    init: () => ({}),
    update: (grads, state, params, context) => ({ grads: update(grads, params, context), state }),
  };
}

/**
 * Transforms in order, then an optimizer: `chain(clipByGlobalNorm(1), adamw())`.
 * The state is the optimizer's, with that of transforms which keep one beside it under their names.
 *
 * @throws Error when two parts keep state under one name.
 */
export function chain(...parts: readonly [...transforms: GradientTransform[], optimizer: Optimizer]): Optimizer {
  const transforms = parts.slice(0, -1) as GradientTransform[];
  const optimizer = parts.at(-1) as Optimizer;
  return {
    init(params) {
      const state: Record<string, TensorTree> = { ...optimizer.init(params) };
      for (const { name, init } of transforms) {
        const own = init(params);
        if (Object.keys(own).length === 0) continue;
        if (name in state) throw new Error(`chain: two parts keep state under "${name}"; give one another name`);
        state[name] = own;
      }
      return state;
    },
    step(params, grads, state, context) {
      const rest: Record<string, TensorTree> = { ...state };
      const kept: Record<string, TensorTree> = {};
      let transformed = grads;
      for (const { name, update } of transforms) {
        const result = update(transformed, (state[name] ?? {}) as OptState, params, context);
        transformed = result.grads;
        delete rest[name];
        if (Object.keys(result.state).length > 0) kept[name] = result.state;
      }
      const stepped = optimizer.step(params, transformed, rest, context);
      return { params: stepped.params, state: { ...stepped.state, ...kept } };
    },
  };
}

/** A learning rate: a number, or a function of the step. */
export type LearningRate = number | Schedule;

/** The learning rate of a step: float32 scalar. */
export function learningRateAt(learningRate: LearningRate, step: tf.Tensor): tf.Tensor {
  return typeof learningRate === "number" ? tf.scalar(learningRate) : learningRate(step);
}

/** Number of updates really applied, this one included, and the float32 form of it that bias corrections take. */
export function nextCount(count: tf.Tensor): { count: tf.Tensor; t: tf.Tensor } {
  const next = tf.add(count, tf.scalar(1, "int32"));
  return { count: next, t: tf.cast(next, "float32") };
}
