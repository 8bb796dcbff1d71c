import { add, div, mean, mul, reshape, rsqrt, square, sub, sum, type Tensor, tile } from "@tensorflow/tfjs-core";
import { defineComposite } from "../composite.js";

type NormInputs = { x: Tensor; scale: Tensor; offset: Tensor };

/** Centred and scaled to unit variance over `axes`, with the reciprocal deviation. */
function standardize(x: Tensor, axes: number[], epsilon: number): { xHat: Tensor; inverse: Tensor } {
  const centred = sub(x, mean(x, axes, true));
  const inverse = rsqrt(add(mean(square(centred), axes, true), epsilon));
  return { xHat: mul(centred, inverse), inverse };
}

/** Gradient through {@link standardize}: `inverse * (d - mean(d) - xHat * mean(d * xHat))`. */
function standardizeGradient(d: Tensor, xHat: Tensor, inverse: Tensor, axes: number[]): Tensor {
  const meanD = mean(d, axes, true);
  const meanDx = mean(mul(d, xHat), axes, true);
  return mul(inverse, sub(sub(d, meanD), mul(xHat, meanDx)));
}

const allButLast = (x: Tensor): number[] => x.shape.slice(0, -1).map((_, i) => i);

const layerNormKernel = defineComposite<NormInputs, { epsilon: number }>({
  name: "LayerNorm",
  inputs: ["x", "scale", "offset"],
  forward: ({ x, scale, offset }, { epsilon }) => add(mul(standardize(x, [x.rank - 1], epsilon).xHat, scale), offset),
  gradient: ([dy], inputs, { epsilon }) => {
    const { x, scale } = inputs as NormInputs;
    const axes = [x.rank - 1];
    const { xHat, inverse } = standardize(x, axes, epsilon);
    return {
      x: () => standardizeGradient(mul(dy as Tensor, scale), xHat, inverse, axes),
      scale: () => sum(mul(dy as Tensor, xHat), allButLast(x)),
      offset: () => sum(dy as Tensor, allButLast(x)),
    };
  },
});

/**
 * Layer normalisation over the last axis. Ba et al., 2016, §3. https://arxiv.org/abs/1607.06450
 *
 * @param x Shape `(..., C)`. @param scale Shape `(C,)`. @param offset Shape `(C,)`. @returns As `x`.
 */
export function layerNorm(x: Tensor, scale: Tensor, offset: Tensor, epsilon = 1e-5): Tensor {
  return layerNormKernel({ x, scale, offset }, { epsilon }) as Tensor;
}

/** `(B, ..., C)` to `(B, S, C)`. */
function asRows(x: Tensor): Tensor {
  const [batch, channels] = [x.shape[0] as number, x.shape[x.rank - 1] as number];
  return reshape(x, [batch, x.size / batch / channels, channels]);
}

/**
 * The mean of every group, repeated for each of its channels: first over positions, channel by channel, so that large tensors are only read
 * along their rows. @param x Shape `(B, S, C)`. @returns Shape `(B, 1, C)`.
 */
function groupMean(x: Tensor, groups: number): Tensor {
  const [batch, , channels] = x.shape as [number, number, number];
  const size = channels / groups;
  const means = mean(reshape(mean(x, 1), [batch, groups, size]), 2, true); // (B, G, 1)
  return reshape(tile(means, [1, 1, size]), [batch, 1, channels]);
}

/** Centred and scaled to unit variance over positions and the channels of a group. @param x Shape `(B, S, C)`. */
function standardizeGroups(x: Tensor, groups: number, epsilon: number): { xHat: Tensor; inverse: Tensor } {
  const centred = sub(x, groupMean(x, groups));
  const inverse = rsqrt(add(groupMean(square(centred), groups), epsilon));
  return { xHat: mul(centred, inverse), inverse };
}

const groupNormKernel = defineComposite<NormInputs, { groups: number; epsilon: number }>({
  name: "GroupNorm",
  inputs: ["x", "scale", "offset"],
  forward: ({ x, scale, offset }, { groups, epsilon }) => {
    const { xHat } = standardizeGroups(asRows(x), groups, epsilon);
    return reshape(add(mul(xHat, scale), offset), x.shape);
  },
  gradient: ([dy], inputs, { groups, epsilon }) => {
    const { x, scale } = inputs as NormInputs;
    const { xHat, inverse } = standardizeGroups(asRows(x), groups, epsilon);
    const rows = asRows(dy as Tensor);
    const dx = () => {
      const d = mul(rows, scale);
      const others = add(groupMean(d, groups), mul(xHat, groupMean(mul(d, xHat), groups)));
      return reshape(mul(inverse, sub(d, others)), x.shape);
    };
    return { x: dx, scale: () => sum(mul(rows, xHat), [0, 1]), offset: () => sum(rows, [0, 1]) };
  },
});

/**
 * Group normalisation of channels-last data. Wu & He, 2018, §3. https://arxiv.org/abs/1803.08494
 *
 * @param x Shape `(B, ..., C)`, C divisible by `groups`. @param scale Shape `(C,)`. @param offset Shape `(C,)`. @returns As `x`.
 * @throws RangeError when it is not divisible.
 */
export function groupNorm(x: Tensor, scale: Tensor, offset: Tensor, groups: number, epsilon = 1e-5): Tensor {
  const channels = x.shape[x.rank - 1] as number;
  if (channels % groups !== 0)
    throw new RangeError(`groupNorm: ${channels} channels do not divide into ${groups} groups`);
  return groupNormKernel({ x, scale, offset }, { groups, epsilon }) as Tensor;
}

const rmsNormKernel = defineComposite<{ x: Tensor; scale: Tensor }, { epsilon: number }>({
  name: "RmsNorm",
  inputs: ["x", "scale"],
  forward: ({ x, scale }, { epsilon }) => mul(mul(x, rsqrt(add(mean(square(x), -1, true), epsilon))), scale),
  gradient: ([dy], inputs, { epsilon }) => {
    const { x, scale } = inputs as { x: Tensor; scale: Tensor };
    const inverse = rsqrt(add(mean(square(x), -1, true), epsilon));
    const xHat = mul(x, inverse);
    const d = mul(dy as Tensor, scale);
    return {
      x: () => mul(inverse, sub(d, mul(xHat, div(sum(mul(d, xHat), -1, true), x.shape[x.rank - 1] as number)))),
      scale: () => sum(mul(dy as Tensor, xHat), allButLast(x)),
    };
  },
});

/**
 * Root-mean-square normalisation over the last axis. Zhang & Sennrich, 2019, §3. https://arxiv.org/abs/1910.07467
 *
 * @param x Shape `(..., C)`. @param scale Shape `(C,)`. @returns As `x`.
 */
export function rmsNorm(x: Tensor, scale: Tensor, epsilon = 1e-6): Tensor {
  return rmsNormKernel({ x, scale }, { epsilon }) as Tensor;
}
