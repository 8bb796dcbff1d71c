import {
  add,
  cast,
  div,
  gather,
  greaterEqual,
  less,
  logicalAnd,
  maximum,
  minimum,
  mul,
  range,
  reshape,
  scalar,
  sqrt,
  square,
  sub,
  type Tensor,
  where,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { defineComposite } from "../composite.js";

type AdamInputs = { param: Tensor; grad: Tensor; m: Tensor; v: Tensor; stepSize: Tensor; epsilonHat: Tensor };

const adamKernel = defineComposite<AdamInputs, { beta1: number; beta2: number }>({
  name: "AdamUpdate",
  inputs: ["param", "grad", "m", "v", "stepSize", "epsilonHat"],
  forward: ({ param, grad, m, v, stepSize, epsilonHat }, { beta1, beta2 }) => {
    const nextM = add(mul(m, beta1), mul(grad, 1 - beta1));
    const nextV = add(mul(v, beta2), mul(square(grad), 1 - beta2));
    return [sub(param, mul(stepSize, div(nextM, add(sqrt(nextV), epsilonHat)))), nextM, nextV];
  },
});

/** Scalars of {@link adamUpdate}, float32. */
export interface AdamScalars {
  readonly learningRate: Tensor;
  /** `1 - beta1^t` with t the number of this update from 1. */
  readonly correction1: Tensor;
  /** `1 - beta2^t`. */
  readonly correction2: Tensor;
}

/**
 * One Adam update of one parameter. Kingma & Ba, 2014, Algorithm 1, in the form at the end of §2:
 * `p - lr sqrt(c2)/c1 * m / (sqrt(v) + epsilon sqrt(c2))`, equal to the bias-corrected form. https://arxiv.org/abs/1412.6980
 *
 * @param tensors Parameter, gradient and both moments, all of one shape.
 * @returns `[param, m, v]` of the next step.
 */
export function adamUpdate(
  tensors: { param: Tensor; grad: Tensor; m: Tensor; v: Tensor },
  { learningRate, correction1, correction2 }: AdamScalars,
  { beta1, beta2, epsilon }: { beta1: number; beta2: number; epsilon: number },
): [param: Tensor, m: Tensor, v: Tensor] {
  const root = sqrt(correction2);
  const stepSize = div(mul(learningRate, root), correction1);
  const epsilonHat = mul(root, epsilon);
  return adamKernel({ ...tensors, stepSize, epsilonHat }, { beta1, beta2 }) as [Tensor, Tensor, Tensor];
}

const updateSliceKernel = defineComposite<{ x: Tensor; update: Tensor; start: Tensor }, { axis: number }>({
  name: "DynamicUpdateSlice",
  inputs: ["x", "update", "start"],
  forward: ({ x, update, start }, { axis }) => {
    const { inside, source } = window(x, update, start, axis);
    return where(inside, gather(update, source, axis), x);
  },
  gradient: ([dy], inputs, { axis }) => {
    const { x, update, start } = inputs as { x: Tensor; update: Tensor; start: Tensor };
    const size = update.shape[axis] as number;
    return {
      x: () => where(window(x, update, start, axis).inside, zerosLike(dy as Tensor), dy as Tensor),
      update: () => gather(dy as Tensor, add(range(0, size, 1, "int32"), clampStart(x, size, start, axis)), axis),
      start: () => zerosLike(cast(start, "float32")),
    };
  },
});

function clampStart(x: Tensor, size: number, start: Tensor, axis: number): Tensor {
  return maximum(minimum(start, scalar((x.shape[axis] as number) - size, "int32")), scalar(0, "int32"));
}

/** For every position along `axis`: whether the update covers it, and which row of the update it takes. */
function window(x: Tensor, update: Tensor, start: Tensor, axis: number): { inside: Tensor; source: Tensor } {
  const length = x.shape[axis] as number;
  const size = update.shape[axis] as number;
  const offset = sub(range(0, length, 1, "int32"), clampStart(x, size, start, axis)); // (length,)
  const covered = logicalAnd(greaterEqual(offset, scalar(0, "int32")), less(offset, scalar(size, "int32")));
  const shape = x.shape.map((_, i) => (i === axis ? length : 1));
  const source = maximum(minimum(offset, scalar(size - 1, "int32")), scalar(0, "int32"));
  return { inside: reshape(covered, shape), source };
}

/**
 * `x` with `update` written at `start` along `axis`: what a KV cache does on every token. `start` is clamped so that the update fits.
 *
 * @param x Any shape. @param update As `x`, shorter along `axis`. @param start int32 scalar.
 */
export function dynamicUpdateSlice(x: Tensor, update: Tensor, start: Tensor, axis: number): Tensor {
  return updateSliceKernel({ x, update, start }, { axis }) as Tensor;
}
