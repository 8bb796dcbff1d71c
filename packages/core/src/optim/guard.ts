import { UserError } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import type { TensorTree } from "../tensor-tree.js";
import { globalNorm } from "./trees.js";

/** Counts of steps that the guard refused, int32 scalars. */
export interface GuardState {
  /** Since the beginning of training. */
  readonly skipped: tf.Tensor;
  /** Since the last step that was applied. */
  readonly skippedInARow: tf.Tensor;
}

/** Options of {@link guard}. */
export interface GuardOptions {
  /** Gradients with a larger global norm are refused as exploding. @default Infinity */
  readonly maxGradNorm?: number;
}

/** Verdict of the guard on one step. */
export interface Guarded {
  /** bool scalar: false when loss or gradients hold NaN or infinity, or the gradients explode. */
  readonly ok: tf.Tensor;
  /** Global norm of the gradients, float32 scalar. */
  readonly gradNorm: tf.Tensor;
  readonly state: GuardState;
}

const MAX_FLOAT32 = 3.4028234663852886e38;

/** The counts before the first step. */
export function guardInit(): GuardState {
  return { skipped: tf.scalar(0, "int32"), skippedInARow: tf.scalar(0, "int32") };
}

/**
 * Decides inside the graph whether a step may be applied. Give `ok` to the optimizer as `apply`, and choose everything else that the step
 * would change (model state, EMA) with `selectTree(ok, next, old)`: then nothing but these counts differs after a refused step.
 *
 * Gradients whose sum of squares is beyond float32 (norm above 1.8e19) count as not finite.
 *
 * @param loss Scalar. @param grads float32 tensors. @param state The counts of the step before.
 * @throws UserError when `maxGradNorm` is not above 0.
 */
export function guard(
  loss: tf.Tensor,
  grads: TensorTree,
  state: GuardState,
  { maxGradNorm = Infinity }: GuardOptions = {},
): Guarded {
  if (!(maxGradNorm > 0)) {
    throw new UserError("@latentkit/core", `guard: maxGradNorm must be above 0, got ${maxGradNorm}; choose e.g. 1000`);
  }
  const gradNorm = globalNorm(grads);
  const sane = tf.lessEqual(tf.abs(loss), tf.scalar(MAX_FLOAT32)); // false for NaN too
  const ok = tf.logicalAnd(sane, tf.lessEqual(gradNorm, tf.scalar(Math.min(maxGradNorm, MAX_FLOAT32))));
  const refused = tf.sub(tf.scalar(1, "int32"), tf.cast(ok, "int32"));
  return {
    ok,
    gradNorm,
    state: {
      skipped: tf.add(state.skipped, refused),
      skippedInARow: tf.mul(tf.add(state.skippedInARow, refused), refused),
    },
  };
}
