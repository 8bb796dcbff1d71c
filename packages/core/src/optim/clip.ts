import { mapTree, UserError } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { type GradientTransform, gradientTransform } from "./optimizer.js";
import { globalNorm } from "./trees.js";

function requirePositive(transform: string, value: number): void {
  if (value > 0) return;
  throw new UserError("@latentkit/core", `${transform}: the limit must be above 0, got ${value}; choose e.g. 1`);
}

/**
 * Scales all gradients together so that their global norm is at most `limit`; smaller ones pass unchanged.
 * Pascanu et al., 2012, Algorithm 1. https://arxiv.org/abs/1211.5063
 *
 * @throws UserError when the limit is not above 0.
 */
export function clipByGlobalNorm(limit: number): GradientTransform {
  requirePositive("clipByGlobalNorm", limit);
  return gradientTransform("clipByGlobalNorm", (grads) => {
    const scale = tf.div(limit, tf.maximum(globalNorm(grads), limit));
    return mapTree(grads, (grad) => tf.mul(grad, scale));
  });
}

/** Limits every element of every gradient to `[-limit, limit]`. @throws UserError when the limit is not above 0. */
export function clipByValue(limit: number): GradientTransform {
  requirePositive("clipByValue", limit);
  return gradientTransform("clipByValue", (grads) => mapTree(grads, (grad) => tf.clipByValue(grad, -limit, limit)));
}
